import type { JobStore, Journal } from '../../src/write/store.js';

/** A store in memory that notes each call which would reach the disk. */
export interface MemoryStore extends JobStore {
  readonly files: Map<string, string>;
  readonly calls: string[];
  /** Called before each step of a call; may wait, or throw as a disk does. */
  before: (call: string) => Promise<void> | void;
}

export function memoryStore(): MemoryStore {
  const files = new Map<string, string>();
  const calls: string[] = [];

  async function note(call: string): Promise<void> {
    await store.before(call);
    calls.push(call);
  }

  const store: MemoryStore = {
    files,
    calls,
    before: () => {},
    name: 'users.csv.job',
    nameOf: (file) => `users.csv.job/${file}`,
    flush: { rows: 3, ms: 1_000 },
    list: async () => [...files.keys()],
    read: async (file) => files.get(file),
    create: async () => {},
    take: async () => ({
      lost: new AbortController().signal,
      sure: async () => {},
      isSure: () => true,
      startOver: async () => `${store.name}.1`,
      release: async () => {},
    }),
    holder: async () => undefined,
    async replace(file, content) {
      let text = '';
      if (typeof content === 'string') text = content;
      else for await (const chunk of typeof content === 'function' ? content() : content) text += chunk;
      await note(`replace ${file}`);
      files.set(file, text);
    },
    async discard() {
      await note('discard');
      files.clear();
    },
    async remove(file) {
      await note(`remove ${file}`);
      files.delete(file);
    },
    size: async (file) => Buffer.byteLength(files.get(file) ?? ''),
    async *readFrom(file, start, end) {
      yield Buffer.from(files.get(file) ?? '').subarray(start, end);
    },
    async openJournal(file, length): Promise<Journal> {
      let bytes = Buffer.from(files.get(file) ?? '').subarray(0, length);
      files.set(file, bytes.toString());
      return {
        get length() {
          return bytes.length;
        },
        async append(text) {
          await note(`append ${text.trim().split('\n').length}`);
          bytes = Buffer.concat([bytes, Buffer.from(text)]);
          files.set(file, bytes.toString());
        },
        sync: () => note('sync'),
        finish: () => note('finish'),
        close: () => note('close'),
      };
    },
  };
  return store;
}
