import { BootError } from '../errors.ts'

/** The guest boots, but nothing can be cloned from it: it has to be booted each time. */
export class FreezeError extends BootError {}
