// Loads the app, and says so if that does not work. The app itself is the wasm module.

/** Shows a message in the place of the app, or above it once it runs. */
function tell(message) {
  const alert = document.createElement("p");
  alert.className = "crash";
  alert.setAttribute("role", "alert");
  alert.textContent = message;
  const boot = document.getElementById("boot-text");
  if (boot) boot.replaceWith(alert);
  else document.body.prepend(alert);
}

if (typeof WebAssembly === "object") {
  // A panic in the app ends in a trap; nothing on the page works after it.
  addEventListener("error", (event) => {
    if (event.error instanceof WebAssembly.RuntimeError && !document.querySelector(".crash")) {
      tell("Something went wrong in this page and it stopped. Please reload it; the browser’s console says more.");
    }
  });
  try {
    const app = await import("../conjoin-site.js");
    await app.default({ module_or_path: new URL("../conjoin-site_bg.wasm", import.meta.url) });
  } catch (error) {
    console.error(error);
    tell(`The page could not be loaded (${error.message ?? error}). Please reload it.`);
  }
} else {
  tell("This browser does not run WebAssembly, which Conjoin is made of. Any current browser does.");
}
