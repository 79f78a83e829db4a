// What is typed, on this device: in IndexedDB, which keeps it when the browser is killed, as localStorage may not.
//
// Each window has one text for each form. It is bound to whose it is: who signs in on this device later never sees it.

const LIFETIME_MILLISECONDS = 30 * 24 * 3600 * 1000;

let opened = null;

function ask(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("slipway", 1);
    request.onupgradeneeded = () => {
      const texts = request.result.createObjectStore("drafts", { keyPath: ["owner", "subject", "window"] });
      texts.createIndex("form", ["owner", "subject"]);
      texts.createIndex("savedAt", "savedAt");
    };
    request.onsuccess = () => {
      // Another window of a later version must not wait for this one.
      request.result.onversionchange = () => {
        request.result.close();
        opened = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
  opened.catch(() => (opened = null));
  return opened;
}

/** Runs a change; it is over once it is on the disk. */
async function change(work) {
  const database = await open();
  const transaction = database.transaction("drafts", "readwrite", { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
  work(transaction.objectStore("drafts"));
  await done;
}

/** Gives the texts of a form that this device keeps for somebody, the newest first. */
export async function listTexts(owner, subject) {
  const store = (await open()).transaction("drafts").objectStore("drafts");
  const texts = await ask(store.index("form").getAll([owner, subject]));
  return texts.sort((one, other) => other.savedAt.localeCompare(one.savedAt));
}

/** Keeps a text in place of the one that its window had, and lets go of those of other windows that it comes from. */
export function putText(text, windowsBefore = []) {
  return change((store) => {
    store.put(text);
    for (const window of windowsBefore) store.delete([text.owner, text.subject, window]);
  });
}

/** Lets go of texts. */
export function removeTexts(texts) {
  return change((store) => {
    for (const text of texts) store.delete([text.owner, text.subject, text.window]);
  });
}

/** Lets go of what nobody has come back to for thirty days. */
export function removeOld() {
  const before = new Date(Date.now() - LIFETIME_MILLISECONDS).toISOString();
  return change((store) => {
    store.index("savedAt").openCursor(IDBKeyRange.upperBound(before)).onsuccess = ({ target }) => {
      target.result?.delete();
      target.result?.continue();
    };
  });
}
