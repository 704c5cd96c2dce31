export { default } from '../failures/vitest.config.ts'
