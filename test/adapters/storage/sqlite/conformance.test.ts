import { storageConformance } from '../../../conformance/storage/index.ts'
import { openFile, openMemory } from './fixture.ts'

storageConformance('sqlite, a file', openFile)
storageConformance('sqlite, a database in memory that the host shares', openMemory)
