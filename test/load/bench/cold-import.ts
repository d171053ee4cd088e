/** Prints how many milliseconds the import of a module takes in this fresh process. */
const startedAt = performance.now()
await import(process.argv[2] ?? '')
console.log(performance.now() - startedAt)
process.exit()
