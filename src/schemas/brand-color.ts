import { z } from 'zod'

const linear = (channel: number): number => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4)

/** With white, as WCAG 2.2 computes it: 1 for white itself, 21 for black. */
export function contrastWithWhite(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) =>
    linear(Number.parseInt(color.slice(at, at + 2), 16) / 255),
  )
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
}

/** What text needs to be read on white, and white text on it (WCAG 2.2, 1.4.3). */
const leastContrast = 4.5

/** `#rrggbb`. */
export const brandColor = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, 'must be a color such as "#1a4fa0"')
  .superRefine((color, context) => {
    const contrast = contrastWithWhite(color)
    if (contrast >= leastContrast) return
    const message = `has a contrast of ${contrast.toFixed(1)}:1 with white; at least ${leastContrast}:1 is needed to be read (WCAG 2.2): take a darker color`
    context.addIssue({ code: 'custom', message })
  })
