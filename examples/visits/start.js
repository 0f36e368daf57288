// A file of its own, as the server lets pages run no scripts from within.
import start from "./visits.js";

await start();
