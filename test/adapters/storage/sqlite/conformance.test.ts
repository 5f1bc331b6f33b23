import { storageConformance } from '../../../conformance/storage/index.ts'
import { openFile, openMemory } from './fixture.ts'

storageConformance({ name: 'sqlite, a file', open: openFile })
storageConformance({ name: 'sqlite, a database in memory that the host shares', open: openMemory })
