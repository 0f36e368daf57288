// Before the first paint, so that a remembered theme never flashes in from the other one. The
// app's theme.rs keeps the same key and names.
try {
  const theme = localStorage.getItem("conjoin-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's theme it is.
}
