// Loaded into Azurite before its own code: ends it when the process that started it is gone, however that one ended.
// The other end of standard input is held by the parent only, so it closes even when the parent was killed.
const end = () => process.exit(0);
process.stdin.on("end", end).on("error", end).resume();
