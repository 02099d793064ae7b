// Loaded into Azurite before its own code: ends it when the process that started it is gone, however that one ended.
// The other end of standard input is held by the parent only, so it closes even when the parent was killed.
const end = () => {
  if (!process.argv.includes("--location") || !process.emit("SIGTERM")) {
    process.exit(0); // nothing to be kept, or Azurite doesn't listen yet
  }
  setTimeout(() => process.exit(0), 4000).unref(); // it writes what it holds in memory, closes, and ends by itself
};
process.stdin.on("end", end).on("error", end).resume();
