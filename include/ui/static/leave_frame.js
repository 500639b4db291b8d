// Airflow shows these pages in a frame that lets no link out. Links to Airflow itself are given to Airflow's own
// router, which follows its window's address. Without this script they open within the frame.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-airflow]");
  const changed = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || changed || window.parent === window) return;
  event.preventDefault();
  window.parent.history.pushState(null, "", link.href);
  window.parent.dispatchEvent(new PopStateEvent("popstate", { state: null }));
});
