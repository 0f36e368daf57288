// Reloads the page when the server's folder has changed. Served with `--reload` only.
(async () => {
  let known = "";
  for (;;) {
    try {
      const answer = await fetch("/.conjoin/reload?" + known, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const now = await answer.text();
      if (known && now !== known) location.reload();
      known = now;
    } catch {
      await new Promise((done) => setTimeout(done, 500));
    }
  }
})();
