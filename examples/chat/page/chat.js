// The chat page. Everything that other people typed reaches the document through textContent or
// through Blob URLs of harmless types, never as markup.
"use strict";

const MAX_TEXT = 2000; // code points, as the server counts
const MAX_FILE = 1024 * 1024;
const MAX_SHOWN = 500;
const GROUP_MS = 5 * 60 * 1000;
const ACK_MS = 10000;
const TYPING_EVERY_MS = 2000;
const TYPING_SHOWN_MS = 5000;
// Only formats that cannot carry script are shown or opened; every other file is a download.
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

const $ = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const fullDate = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const state = {
  nick: "", // as the server gave it, which may differ from what was asked for
  wanted: "", // the name asked for
  room: "", // the room we are in, or want to be in again after a reconnection
  joined: false,
  newest: 0, // time of the newest message shown: a history repeats nothing older
  people: [],
  last: null, // nick, time and kind of the row shown last, to group the next one under it
};

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// ---- connection ----------------------------------------------------------------------------

const socket = typeof io === "function" ? io({ autoConnect: false }) : null;

function showStatus(name, detail, transport) {
  const status = $("status");
  status.dataset.state = name;
  status.dataset.transport = transport || "";
  status.textContent = detail || name;
}

function showOnline() {
  const transport = socket.io.engine.transport.name;
  showStatus("online", `online · ${transport}`, transport);
}

function showOffline() {
  state.joined = false;
  showStatus("offline");
  showTyping(null);
}

function watchConnection() {
  socket.on("connect", () => {
    showOnline();
    socket.io.engine.on("upgrade", showOnline);
    if (state.room) join(state.wanted, state.room);
    else askRooms();
  });
  socket.on("connect_error", showOffline);
  socket.on("disconnect", (reason) => {
    showOffline();
    // After any other reason the library connects again by itself.
    if (reason === "io server disconnect") socket.connect();
  });
  socket.io.on("reconnect_attempt", () => showStatus("connecting", "reconnecting…"));
}

// Emits, and gives what the server acknowledged after the error that comes first.
function ask(event, ...args) {
  return new Promise((resolve, reject) => {
    if (!socket.connected) {
      reject(new Error("You are offline. Try again in a moment."));
      return;
    }
    socket.timeout(ACK_MS).emit(event, ...args, (late, error, ...values) => {
      if (late) reject(new Error("The server did not answer."));
      else if (error) reject(new Error(String(error)));
      else resolve(values);
    });
  });
}

// ---- rooms and people ----------------------------------------------------------------------

async function join(nick, room) {
  try {
    const [givenNick, givenRoom] = await ask("join", nick, room);
    entered(nick, String(givenNick), String(givenRoom));
  } catch (error) {
    if (socket.connected) leftRoom();
    showError(error.message);
  }
}

function entered(wanted, nick, room) {
  if (room !== state.room) clearMessages();
  Object.assign(state, { wanted, nick, room, joined: true });
  localStorage.setItem("nick", wanted);
  history.replaceState(null, "", "#" + encodeURIComponent(room));
  document.title = `${room} · libsio chat`;
  $("room-name").textContent = room;
  const first = $("chat").hidden;
  $("entry").hidden = true;
  $("chat").hidden = false;
  $("menu").hidden = false;
  showError("");
  openSide(false);
  showTyping(null);
  if (first || matchMedia("(pointer: fine)").matches) $("text").focus();
}

function leftRoom() {
  Object.assign(state, { room: "", joined: false, people: [] });
  history.replaceState(null, "", location.pathname);
  document.title = "libsio chat";
  clearMessages();
  openSide(false);
  $("chat").hidden = true;
  $("menu").hidden = true;
  $("entry").hidden = false;
  $("room").focus();
}

async function leave() {
  try {
    if (socket.connected) await ask("leave");
    leftRoom();
    askRooms();
  } catch (error) {
    showError(error.message);
  }
}

async function askRooms() {
  try {
    showRooms(await ask("rooms"));
  } catch {
    // The list is a convenience: without it the room can still be typed.
  }
}

// `flat` is room, number of members, room, number of members ...
function showRooms(flat) {
  const items = [];
  const chips = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const room = String(flat[i]);
    const count = String(flat[i + 1]);
    items.push(roomItem(room, count));
    chips.push(roomChip(room, count));
  }
  $("rooms").replaceChildren(...items);
  $("entry-rooms").replaceChildren(...chips);
}

function roomItem(room, count) {
  const item = element("li");
  const button = element("button");
  button.type = "button";
  button.append(element("span", "name", room), element("span", "count", count));
  button.setAttribute("aria-label", `${room}, ${count} here`);
  if (room === state.room) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => join(state.wanted, room));
  item.append(button);
  return item;
}

function roomChip(room, count) {
  const chip = element("button", "", room);
  chip.type = "button";
  chip.append(element("small", "", count));
  chip.addEventListener("click", () => {
    $("room").value = room;
    $("entry-form").requestSubmit();
  });
  return chip;
}

function showPeople(nicks) {
  state.people = nicks.map(String);
  const count = state.people.length;
  $("room-info").textContent = count === 1 ? "only you" : `${count} people`;
  $("users").replaceChildren(...state.people.map((nick) => {
    const item = element("li");
    item.append(avatar(nick), element("span", "name", nick));
    if (nick === state.nick) item.append(element("small", "", "you"));
    return item;
  }));
}

function avatar(nick) {
  const [letter] = nick;
  const node = element("span", "avatar", letter);
  let hash = 0x811c9dc5; // FNV-1a
  for (const char of nick) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193) >>> 0;
  node.style.setProperty("--hue", hash % 360);
  node.setAttribute("aria-hidden", "true");
  return node;
}

function openSide(open) {
  const focusInside = $("side").contains(document.activeElement);
  $("side").classList.toggle("open", open);
  $("shade").hidden = !open;
  $("menu").setAttribute("aria-expanded", String(open));
  if (open) $("side").querySelector("button, input").focus();
  else if (focusInside) $("menu").focus();
}

// ---- messages ------------------------------------------------------------------------------

function clearMessages() {
  for (const row of [...$("messages").children]) dropRow(row);
  state.newest = 0;
  state.last = null;
  $("to-end").hidden = true;
}

function dropRow(row) {
  const link = row.querySelector("a[href^='blob:']");
  if (link) URL.revokeObjectURL(link.href);
  row.remove();
}

// A history that is sent again after a reconnection only adds what was missed.
function isNews(when) {
  if (typeof when !== "number" || when <= state.newest) return false;
  state.newest = when;
  return true;
}

function addRow(row, own) {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.append(row);
  while (list.children.length > MAX_SHOWN) dropRow(list.firstElementChild);
  if (atEnd || own) scrollToEnd();
  else $("to-end").hidden = false;
}

function scrollToEnd() {
  const list = $("messages");
  list.scrollTop = list.scrollHeight;
  $("to-end").hidden = true;
}

function addMessage(when, nick, body) {
  const last = state.last;
  const follows = last && last.nick === nick && when - last.when < GROUP_MS;
  const own = nick === state.nick;
  const row = element("li", "message");
  row.classList.toggle("own", own);
  row.classList.toggle("follows", Boolean(follows));

  const head = element("div", "head");
  const time = element("time", "", clock.format(when));
  time.dateTime = new Date(when).toISOString();
  time.title = fullDate.format(when);
  head.append(element("b", "", own ? "You" : nick), time);
  row.append(avatar(nick), head, body);
  state.last = { nick, when };
  addRow(row, own);
}

function addNotice(text) {
  state.last = null;
  addRow(element("li", "notice", text), false);
}

function fileBody(name, type, bytes) {
  const picture = PICTURES.has(type);
  const url = URL.createObjectURL(
    new Blob([bytes], { type: picture ? type : "application/octet-stream" }));
  const body = element("div", picture ? "body picture" : "body");
  const link = element("a");
  link.href = url;
  if (picture) {
    link.target = "_blank";
    link.rel = "noopener";
    link.append(pictureImage(url, name));
  } else {
    link.className = "attachment";
    link.download = name;
    const label = element("span", "", "");
    label.append(element("span", "file-name", name), element("small", "", sizeText(bytes.byteLength)));
    link.append(downloadIcon(), label);
  }
  body.append(link);
  return body;
}

function pictureImage(url, name) {
  const image = element("img");
  // Its height is not known before it is decoded: keep the end of the list in view.
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  image.addEventListener("load", () => atEnd && scrollToEnd());
  image.alt = name;
  image.src = url;
  return image;
}

function downloadIcon() {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", "M12 4v11m-5-5 5 5 5-5M5 20h14");
  icon.append(path);
  return icon;
}

function sizeText(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function watchMessages() {
  socket.on("message", (when, nick, text) => {
    if (!isNews(when)) return;
    typers.delete(nick);
    showTyping();
    addMessage(when, String(nick), element("div", "body", String(text)));
  });
  socket.on("file", (when, nick, name, type, bytes) => {
    if (!(bytes instanceof ArrayBuffer) || !isNews(when)) return;
    addMessage(when, String(nick), fileBody(String(name), String(type), bytes));
  });
  socket.on("notice", (when, text) => addNotice(String(text)));
  socket.on("users", (...nicks) => showPeople(nicks));
  socket.on("rooms", (...flat) => showRooms(flat));
  socket.on("typing", (nick, typing) => setTyping(String(nick), Boolean(typing)));
}

// ---- typing --------------------------------------------------------------------------------

const typers = new Map(); // nick -> timer that forgets it
let toldTyping = 0;

function setTyping(nick, typing) {
  clearTimeout(typers.get(nick));
  typers.delete(nick);
  if (typing) typers.set(nick, setTimeout(() => setTyping(nick, false), TYPING_SHOWN_MS));
  showTyping();
}

// With null: nobody is, whatever was said before.
function showTyping(none) {
  if (none === null) {
    for (const timer of typers.values()) clearTimeout(timer);
    typers.clear();
  }
  const nicks = [...typers.keys()];
  let text = "";
  if (nicks.length === 1) text = `${nicks[0]} is typing…`;
  else if (nicks.length === 2) text = `${nicks[0]} and ${nicks[1]} are typing…`;
  else if (nicks.length > 2) text = "Several people are typing…";
  if ($("typing").textContent !== text) $("typing").textContent = text;
}

function tellTyping() {
  const typing = $("text").value.trim() !== "";
  const now = Date.now();
  if (!state.joined || (typing && now - toldTyping < TYPING_EVERY_MS)) return;
  if (!typing && toldTyping === 0) return;
  toldTyping = typing ? now : 0;
  socket.volatile.emit("typing", typing);
}

// ---- sending -------------------------------------------------------------------------------

function showError(text) {
  $($("chat").hidden ? "entry-error" : "send-error").textContent = text;
}

async function say() {
  const input = $("text");
  const text = input.value.trim();
  if (text === "") return;
  try {
    if (text.length > MAX_TEXT) throw new Error(`At most ${MAX_TEXT} characters, please.`);
    input.value = "";
    fitText();
    tellTyping();
    await ask("say", text);
    showError("");
  } catch (error) {
    if (input.value === "") input.value = text;
    fitText();
    showError(error.message);
  }
}

async function sendFile(file) {
  try {
    const blob = await fittingBlob(file);
    const name = blob === file ? file.name : file.name.replace(/\.[^.]*$/, "") + ".jpg";
    await ask("file", name || "picture", blob.type, await blob.arrayBuffer());
    showError("");
  } catch (error) {
    showError(error.message);
  }
}

// The file itself, or a smaller copy of a picture that is too large.
async function fittingBlob(file) {
  if (file.size > 0 && file.size <= MAX_FILE) return file;
  if (file.size === 0) throw new Error("That file is empty.");
  if (PICTURES.has(file.type)) {
    const smaller = await shrink(file);
    if (smaller.size <= MAX_FILE) return smaller;
  }
  throw new Error(`Files can have up to ${sizeText(MAX_FILE)}; this one has ${sizeText(file.size)}.`);
}

async function shrink(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) => canvas.toBlob(
    (blob) => blob ? resolve(blob) : reject(new Error("That picture cannot be read.")),
    "image/jpeg", 0.85));
}

function fitText() {
  const input = $("text");
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}

// ---- the page's own controls ---------------------------------------------------------------

function watchForms() {
  $("entry-form").addEventListener("submit", (event) => {
    event.preventDefault();
    join($("nick").value.trim(), $("room").value.trim());
  });
  $("room-form").addEventListener("submit", (event) => {
    event.preventDefault();
    join(state.wanted, $("new-room").value.trim());
    $("new-room").value = "";
  });
  $("say-form").addEventListener("submit", (event) => {
    event.preventDefault();
    say();
  });
  $("leave").addEventListener("click", leave);
  $("menu").addEventListener("click", () => openSide(!$("side").classList.contains("open")));
  $("shade").addEventListener("click", () => openSide(false));
  $("side").addEventListener("keydown", (event) => {
    if (event.key === "Escape") openSide(false);
  });
}

function watchText() {
  const input = $("text");
  input.addEventListener("input", () => {
    fitText();
    tellTyping();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say();
  });
  input.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    sendFile(file);
  });
}

function watchFiles() {
  const talk = document.querySelector(".talk");
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    if (file) sendFile(file);
    $("file").value = "";
  });
  talk.addEventListener("dragover", (event) => {
    event.preventDefault();
    talk.classList.add("dropping");
  });
  talk.addEventListener("dragleave", () => talk.classList.remove("dropping"));
  talk.addEventListener("drop", (event) => {
    event.preventDefault();
    talk.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) sendFile(file);
  });
}

function watchScroll() {
  const list = $("messages");
  $("to-end").addEventListener("click", scrollToEnd);
  list.addEventListener("scroll", () => {
    if (list.scrollHeight - list.scrollTop - list.clientHeight < 8) $("to-end").hidden = true;
  });
}

function roomFromAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function start() {
  $("nick").value = localStorage.getItem("nick") || "";
  $("room").value = roomFromAddress() || "lobby";
  $($("nick").value ? "room" : "nick").focus();
  watchForms();
  watchText();
  watchFiles();
  watchScroll();
  if (!socket) {
    showStatus("offline");
    showError("The Socket.IO bundle is missing on the server: run `npm ci` in examples/chat.");
    return;
  }
  watchConnection();
  watchMessages();
  socket.connect();
}

start();
