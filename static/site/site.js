// What any site may do with the widget's three calls; here "Help" opens the chat.

document.querySelector("[data-help]")?.addEventListener("click", (event) => {
  event.preventDefault();
  window.guiche?.open();
});
