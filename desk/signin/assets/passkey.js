// Asks the browser for a passkey and hands what it says to the server. This is
// the only part of signing in that needs a script.
"use strict";

(() => {
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  async function send(url, body, type) {
    const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json", "Content-Type": type } });
    const said = await answer.json();
    if (!answer.ok) throw new Error((said.fields && Object.values(said.fields)[0]) || said.detail);
    return said;
  }

  async function make(ask) {
    ask.challenge = bytes(ask.challenge);
    ask.user.id = bytes(ask.user.id);
    for (const known of ask.excludeCredentials || []) known.id = bytes(known.id);
    const made = await navigator.credentials.create({ publicKey: ask });
    return {
      id: made.id, rawId: text(made.rawId), type: made.type,
      authenticatorAttachment: made.authenticatorAttachment || undefined,
      clientExtensionResults: made.getClientExtensionResults(),
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
        transports: made.response.getTransports ? made.response.getTransports() : [],
      },
    };
  }

  async function use(ask) {
    ask.challenge = bytes(ask.challenge);
    for (const known of ask.allowCredentials || []) known.id = bytes(known.id);
    const used = await navigator.credentials.get({ publicKey: ask });
    return {
      id: used.id, rawId: text(used.rawId), type: used.type,
      authenticatorAttachment: used.authenticatorAttachment || undefined,
      clientExtensionResults: used.getClientExtensionResults(),
      response: {
        clientDataJSON: text(used.response.clientDataJSON),
        authenticatorData: text(used.response.authenticatorData),
        signature: text(used.response.signature),
        userHandle: used.response.userHandle ? text(used.response.userHandle) : undefined,
      },
    };
  }

  // What the browser's own errors mean to people.
  function words(error) {
    switch (error.name) {
      case "NotAllowedError": return "No passkey was used. It may have been cancelled, or have taken too long.";
      case "InvalidStateError": return "This device has a passkey for you already.";
      case "SecurityError": return "The browser does not allow passkeys at this address.";
      default: return error.message || "That did not work. Please try again.";
    }
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    const button = form.querySelector("button");
    const status = form.querySelector("[role=status]");
    form.hidden = false;
    for (const note of document.querySelectorAll(".no-passkey")) note.hidden = true;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      status.textContent = "";
      try {
        const ask = await send(form.action, new URLSearchParams(new FormData(form)), "application/x-www-form-urlencoded");
        const said = await (form.dataset.passkey === "make" ? make : use)(ask.publicKey);
        const led = await send(form.dataset.done, JSON.stringify(said), "application/json");
        location.assign(led.next);
      } catch (error) {
        status.textContent = words(error);
        button.disabled = false;
      }
    });
  }
})();
