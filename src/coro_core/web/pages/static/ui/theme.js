// Light, dark, or as the system says. Not a module: it runs before anything is painted.

(() => {
  const THEMES = ["system", "light", "dark"];
  const root = document.documentElement;

  function stored() {
    try {
      const theme = localStorage.getItem("coro-theme");
      return THEMES.includes(theme) ? theme : "system";
    } catch {
      return "system"; // storage is forbidden: then it lasts as long as the page
    }
  }

  function show(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  show(stored());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    let theme = stored();
    const label = () => (button.textContent = `Theme: ${theme}`);
    label();
    button.hidden = false;
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      show(theme);
      label();
      try {
        localStorage.setItem("coro-theme", theme);
      } catch {
        // as above
      }
    });
  });
})();
