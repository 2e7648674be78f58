"use strict";
// The waiting page: counts down, and looks again when the backend has decided. It decides nothing itself.
const left = document.getElementById("left");
if (left) {
  const end = Date.now() + left.value * 1000;
  const seconds = document.getElementById("seconds");
  setInterval(() => {
    left.value = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    seconds.textContent = left.value;
  }, 250);
  const look = async () => {
    try {
      const answer = await (await fetch("/check/status")).json();
      if (answer.done) { location.reload(); return; }
      look();
    } catch { setTimeout(look, 1000); }
  };
  look();
}
// The device page: says when the device has registered, and puts the cursor where its code goes.
const wait = document.getElementById("wait");
if (wait) {
  const look = async () => {
    try {
      const answer = await (await fetch("/device/status")).json();
      if (answer.status === "invited") { look(); return; }
      if (answer.status === "registered") {
        wait.textContent = "The device is here. Type the six digits that it shows.";
        document.getElementById("code").focus();
        return;
      }
      wait.textContent = "This invitation is " + answer.status + ". Sign in to start again.";
    } catch { setTimeout(look, 1000); }
  };
  look();
  const copy = document.getElementById("copy");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById("link").value);
      copy.textContent = "Copied";
    });
  }
}
