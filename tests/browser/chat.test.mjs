// The chat in a real browser: Chromium, the official client bundle, chat-server and chat-terminal.
// The steps are one story, so the first that fails ends the run. TAP on stdout.
import assert from "node:assert/strict";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { Program } from "./program.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const build = process.env.MESON_BUILD_ROOT;
const shots = path.join(build, "tests", "browser");
const programs = path.join(build, "examples", "chat");
const pageDir = path.join(here, "..", "..", "examples", "chat", "page");
const bundleDir = path.join(here, "node_modules", "socket.io-client", "dist");
const temp = await fs.mkdtemp(path.join(os.tmpdir(), "sio-browser-"));
const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const PATIENCE_MS = 20000;

let server;
let port = 0;
let browser;
let ada;
let max;
let terminal;

// ---- helpers -------------------------------------------------------------------------------

async function startServer() {
  server = new Program(path.join(programs, "chat-server"), [
    "--host", "127.0.0.1", "--port", String(port), "--page-dir", pageDir, "--client-dir", bundleDir,
  ]);
  const [, printed] = await server.printed(/^listening on http:\/\/localhost:(\d+)$/);
  port = Number(printed);
}

function startTerminal(nick, ...options) {
  return new Program(path.join(programs, "chat-terminal"),
    [...options, `http://127.0.0.1:${port}`, nick, "lobby"]);
}

async function openBrowser() {
  return chromium.launchPersistentContext(path.join(temp, "profile"), {
    executablePath: browserPath,
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
    viewport: DESKTOP,
    acceptDownloads: true,
  });
}

// Notes each transport that the page uses, in the order of their first use.
function watchTransports(page) {
  page.transports = new Set();
  const note = (url) => page.transports.add(new URL(url).searchParams.get("transport"));
  page.on("request", (request) => request.url().includes("transport=") && note(request.url()));
  page.on("websocket", (websocket) => note(websocket.url()));
}

async function openTab(nick, room = "lobby") {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  watchTransports(page);
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.fill("#nick", nick);
  await page.fill("#room", room);
  await page.click("#entry-form button[type=submit]");
  await page.locator("#chat").waitFor();
  return page;
}

const online = (page) => page.locator("#status[data-state=online][data-transport=websocket]").waitFor();
const body = (page, text) => page.locator(".message .body").getByText(text, { exact: true });
const picture = (page, name) => page.locator(`.picture img[alt="${name}"]`);

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
  await body(page, text).waitFor();
}

// A gradient with some circles, as PNG; drawn by the browser.
async function drawPicture(page, width, height) {
  const url = await page.evaluate(([w, h]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
    const ink = canvas.getContext("2d");
    const sky = ink.createLinearGradient(0, 0, w, h);
    sky.addColorStop(0, "#134e4a");
    sky.addColorStop(1, "#f59e0b");
    ink.fillStyle = sky;
    ink.fillRect(0, 0, w, h);
    for (let i = 0; i < 9; i++) {
      ink.fillStyle = `hsl(${170 + i * 12} 60% 60% / 35%)`;
      ink.beginPath();
      ink.arc((w * i) / 8, h * (0.5 + 0.3 * Math.sin(i)), h / 5, 0, 7);
      ink.fill();
    }
    return canvas.toDataURL("image/png");
  }, [width, height]);
  return Buffer.from(url.split(",")[1], "base64");
}

function sendFile(page, name, mimeType, buffer) {
  return page.setInputFiles("#file", { name, mimeType, buffer });
}

async function assertShown(page, name, width, height) {
  const image = picture(page, name);
  await image.waitFor();
  await image.evaluate((img) => img.decode());
  const size = await image.evaluate((img) => [img.naturalWidth, img.naturalHeight]);
  assert.deepEqual(size, [width, height]);
}

async function downloaded(page, name) {
  const link = page.locator("a.attachment", { hasText: name });
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  assert.equal(download.suggestedFilename(), name);
  return fs.readFile(await download.path());
}

// ---- the story -----------------------------------------------------------------------------

const steps = {
  async "the server says where it listens"() {
    await startServer();
    assert.ok(port > 0);
  },

  async "two tabs join one room, begin with polling and upgrade to websocket"() {
    browser = await openBrowser();
    [ada, max] = [await openTab("ada"), await openTab("max")];
    for (const page of [ada, max]) {
      await online(page);
      assert.deepEqual([...page.transports], ["polling", "websocket"]);
      assert.equal(await page.locator("#status").textContent(), "online · websocket");
      await page.locator("#users li", { hasText: "ada" }).waitFor();
      await page.locator("#users li", { hasText: "max" }).waitFor();
    }
    await ada.locator(".notice", { hasText: "max joined" }).waitFor();
  },

  async "text goes both ways and only the sender's own is shown as such"() {
    await say(ada, "Good morning! The new board is here.");
    await body(max, "Good morning! The new board is here.").waitFor();
    await say(max, "Nice. Does it boot?");
    await body(ada, "Nice. Does it boot?").waitFor();
    assert.equal(await ada.locator(".message.own").count(), 1);
    assert.equal(await max.locator(".message.own").count(), 1);
    assert.equal(await max.locator(".message:not(.own) .head b").textContent(), "ada");
    assert.match(await max.locator(".message:not(.own) time").getAttribute("datetime"), /^2\d{3}-/);
  },

  async "a typing notice comes and goes with the message"() {
    await ada.locator("#text").pressSequentially("It does");
    await max.getByText("ada is typing…").waitFor();
    await ada.press("#text", "Enter");
    await body(max, "It does").waitFor();
    await max.locator("#typing:empty").waitFor({ state: "attached" });
  },

  async "markup stays text"() {
    const markup = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>";
    await say(max, markup);
    await body(ada, markup).waitFor();
    assert.equal(await ada.locator(".message .body *").count(), 0);
    assert.equal(await ada.title(), "lobby · libsio chat");
  },

  async "a picture goes each way"() {
    await sendFile(ada, "sunrise.png", "image/png", await drawPicture(ada, 480, 240));
    await assertShown(max, "sunrise.png", 480, 240);
    await sendFile(max, "tower.png", "image/png", await drawPicture(max, 96, 160));
    await assertShown(ada, "tower.png", 96, 160);
    await assertShown(max, "tower.png", 96, 160);
  },

  async "a file arrives unchanged and is a download, whatever type it claims"() {
    const bytes = Buffer.from(Array.from({ length: 70000 }, (_, i) => (i * 7) & 0xff));
    await sendFile(ada, "trap.html", "text/html", bytes);
    assert.deepEqual(await downloaded(max, "trap.html"), bytes);
  },

  async "a latecomer gets the history"() {
    const late = await openTab("grace");
    await body(late, "Good morning! The new board is here.").waitFor();
    await assertShown(late, "sunrise.png", 480, 240);
    await late.locator(".attachment", { hasText: "trap.html" }).waitFor();
    assert.equal(await late.locator(".message").count(), await ada.locator(".message").count());
    await late.close();
    await ada.locator(".notice", { hasText: "grace left" }).waitFor();
  },

  async "a room is left, another is created, and each has its own messages"() {
    const page = await openTab("rosa", "garden");
    await say(page, "Anybody among the roses?");
    await page.locator("#rooms button", { hasText: "lobby" }).click();
    await page.locator("#room-name", { hasText: "lobby" }).waitFor();
    await body(page, "It does").waitFor();
    assert.equal(await body(page, "Anybody among the roses?").count(), 0);
    assert.equal(await body(ada, "Anybody among the roses?").count(), 0);
    await page.click("#leave");
    await page.locator("#entry-form").waitFor();
    await page.close();
  },

  async "the terminal takes part: text both ways"() {
    terminal = startTerminal("linus", "--save", temp);
    await terminal.printed(/^\* joined lobby as linus$/);
    await terminal.printed(/^\[\d\d:\d\d\] ada: Good morning! The new board is here\.$/);
    terminal.write("Greetings from a terminal, with ümläuts and \u{1f680}");
    await body(ada, "Greetings from a terminal, with ümläuts and \u{1f680}").waitFor();
    await say(max, "Welcome, terminal!");
    await terminal.printed(/^\[\d\d:\d\d\] max: Welcome, terminal!$/);
    terminal.write("/who");
    await terminal.printed(/^\* here: ada, max, linus$/);
  },

  async "the terminal sees who types"() {
    let seen = false;
    const notice = terminal.printed(/^\* max is typing$/).then(() => seen = true);
    // One notice may be dropped (it is volatile), so keep typing; the page repeats it now and then.
    while (!seen) await Promise.race([notice, max.locator("#text").pressSequentially("a")]);
    await max.fill("#text", "");
  },

  async "the terminal sends and receives files"() {
    const bytes = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 13) & 0xff));
    const sent = path.join(temp, "from terminal.bin");
    await fs.writeFile(sent, bytes);
    terminal.write(`/send ${sent}`);
    assert.deepEqual(await downloaded(ada, "from terminal.bin"), bytes);
    await sendFile(ada, "..strange & name.bin", "application/octet-stream", bytes);
    const [, saved] = await terminal.printed(/^\* saved as (.*_\.strange___name\.bin)$/);
    assert.equal(path.dirname(saved), temp);
    assert.deepEqual(await fs.readFile(saved), bytes);
  },

  async "at the end of its input the terminal has delivered everything"() {
    for (let i = 1; i < 20; i++) terminal.write(`line ${i}`);
    terminal.end("the last line");
    assert.equal(await terminal.exited, 0);
    await body(ada, "line 19").waitFor();
    await body(ada, "the last line").waitFor();
    await ada.locator(".notice", { hasText: "linus left" }).waitFor();
  },

  async "a filled chat is photographed at both widths"() {
    await say(ada, "Here is the first light from the roof camera.");
    await sendFile(ada, "first light.png", "image/png", await drawPicture(ada, 640, 320));
    await assertShown(max, "first light.png", 640, 320);
    await say(max, "Beautiful! Can you also send the log of the night?");
    await sendFile(ada, "night-log.txt", "text/plain", Buffer.from("quiet\n".repeat(900)));
    await max.locator(".attachment", { hasText: "night-log.txt" }).waitFor();
    await say(max, "Got it, thank you.");
    await body(ada, "Got it, thank you.").waitFor();
    await max.locator("#text").pressSequentially("See you");
    await ada.getByText("max is typing…").waitFor();
    await fs.mkdir(shots, { recursive: true });
    for (const scheme of ["light", "dark"]) {
      for (const [name, size, page] of [["desktop", DESKTOP, ada], ["phone", PHONE, max]]) {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(overflow, 0, `${name} scrolls sideways`);
        await page.locator("#messages").evaluate((list) => list.scrollTo(0, list.scrollHeight));
        await page.screenshot({ path: path.join(shots, `chat-${name}-${scheme}.png`) });
      }
    }
    await max.fill("#text", "");
  },

  async "on the phone the rooms are behind a button"() {
    assert.equal(await max.locator("#side").isVisible(), false);
    await max.click("#menu");
    await max.locator("#users li", { hasText: "ada" }).waitFor();
    assert.equal(await max.getAttribute("#menu", "aria-expanded"), "true");
    await max.press("#side", "Escape");
    await max.locator("#side").waitFor({ state: "hidden" });
  },

  async "a server that dies is shown as offline, its return as online"() {
    const before = await ada.locator(".message").count();
    assert.equal(await server.kill("SIGKILL"), "SIGKILL");
    await Promise.all([ada, max].map((page) => page.locator("#status[data-state=offline]").waitFor()));
    await startServer();
    await Promise.all([ada, max].map(online));
    await ada.locator("#room-info", { hasText: "2 people" }).waitFor();
    await max.locator("#room-info", { hasText: "2 people" }).waitFor();
    await say(ada, "Back again");
    await body(max, "Back again").waitFor();
    assert.equal(await ada.locator(".message").count(), before + 1);
  },

  async "a connection that is lost shows nothing twice"() {
    const before = await ada.locator(".message").count();
    await ada.evaluate(() => socket.io.engine.close());
    await ada.locator("#status[data-state=offline]").waitFor();
    await online(ada);
    await say(ada, "Only once");
    assert.equal(await ada.locator(".message").count(), before + 1);
  },

  async "the pages had no errors"() {
    assert.deepEqual([...ada.errors, ...max.errors], []);
  },

  async "SIGTERM ends the server cleanly"() {
    assert.equal(await server.kill("SIGTERM"), 0);
  },
};

async function tell() {
  const names = Object.keys(steps);
  console.log(`1..${names.length}`);
  for (const [i, name] of names.entries()) {
    try {
      await steps[name]();
      console.log(`ok ${i + 1} - ${name}`);
    } catch (error) {
      console.log(`not ok ${i + 1} - ${name}`);
      console.log(String(error.stack).replace(/^/gm, "# "));
      console.log(`Bail out! ${name}`);
      process.exitCode = 1;
      return;
    }
  }
}

try {
  await tell();
} finally {
  await browser?.close();
  await Program.killAll();
  await fs.rm(temp, { recursive: true, force: true });
}
