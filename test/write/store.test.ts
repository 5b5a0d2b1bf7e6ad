import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FileSystem, systemFiles } from '../../src/file-system.js';
import { type FolderStore, folderStore } from '../../src/write/folder-store.js';
import { tempFolder } from '../support/temp-folder.js';

async function newStore(): Promise<{ store: FolderStore; folder: string }> {
  const folder = join(await tempFolder(), 'users.csv.job');
  const store = folderStore(folder);
  await store.create();
  return { store, folder };
}

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('the files of a job', () => {
  it('are for their owner alone', async () => {
    const { folder, store } = await newStore();
    await store.replace('checkpoint.json', '{}');
    await store.createFile('hold-000001.json', '{}');
    await (await store.openJournal('report.csv', 0)).close();
    expect(await modeOf(folder)).toBe('700');
    for (const file of ['checkpoint.json', 'hold-000001.json', 'report.csv']) {
      expect(await modeOf(join(folder, file))).toBe('600');
    }
  });

  it('stay so where others were let in before', async () => {
    const { folder, store } = await newStore();
    for (const file of ['report.csv', 'checkpoint.json']) {
      await writeFile(join(folder, file), '', { mode: 0o644 });
    }
    await (await store.openJournal('report.csv', 0)).close();
    await store.replace('checkpoint.json', '{}');
    for (const file of ['report.csv', 'checkpoint.json']) {
      expect(await modeOf(join(folder, file))).toBe('600');
    }
  });

  it('lie in folders that are made as needed', async () => {
    const folder = join(await tempFolder(), 'a', 'b', 'c');
    const store = folderStore(folder);
    await store.create();
    await store.create();
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it('are named as the user named the job', () => {
    expect(folderStore('jobs/users.job').nameOf('report.csv')).toBe(join('jobs/users.job', 'report.csv'));
    expect(folderStore('jobs/users.job').name).toBe('jobs/users.job');
  });
});

describe('a new file', () => {
  it('is written where there is none of that name, and else left as it is', async () => {
    const { store } = await newStore();
    expect(await store.createFile('a.txt', 'first')).toBe(true);
    expect(await store.createFile('a.txt', 'second')).toBe(false);
    expect(await store.read('a.txt')).toBe('first');
  });

  it('is written by one of many', async () => {
    const { store } = await newStore();
    const wins = await Promise.all(Array.from({ length: 50 }, (_, n) => store.createFile('a.txt', `${n}`)));
    expect(wins.filter(Boolean)).toHaveLength(1);
    expect(await store.read('a.txt')).toBe(`${wins.indexOf(true)}`);
  });
});

describe('a journal', () => {
  it('is in the system’s hands when a line is appended, before any sync', async () => {
    const { folder, store } = await newStore();
    const journal = await store.openJournal('report.csv', 0);
    await journal.append('a\n');
    expect(await readFile(join(folder, 'report.csv'), 'utf8')).toBe('a\n');
    await journal.close();
  });
});

describe('a job that starts over', () => {
  const first = { file: 'hold-000002.json', text: '{}' };

  it('is renamed to the first number that is free, and a new one has its first file at once', async () => {
    const { folder, store } = await newStore();
    await store.replace('report.csv', 'old');
    await mkdir(`${folder}.1`);
    expect(await store.startOver(first)).toBe(`${folder}.2`);
    expect(await readFile(join(`${folder}.2`, 'report.csv'), 'utf8')).toBe('old');
    expect(await store.list()).toEqual([first.file]);
    expect((await readdir(join(folder, '..'))).length).toBe(3);
  });

  it('is renamed though its name ends in a slash', async () => {
    const { folder } = await newStore();
    expect(await folderStore(`${folder}/`).startOver(first)).toBe(`${folder}.1`);
    expect(await readdir(`${folder}.1`)).toEqual([]);
  });

  it('gives way where another run makes the folder in between', async () => {
    const { folder } = await newStore();
    const quick: FileSystem = {
      ...systemFiles,
      async rename(from, to) {
        await systemFiles.rename(from, to);
        if (from !== folder) return;
        await mkdir(folder);
        await writeFile(join(folder, 'hold-000001.json'), 'theirs');
      },
    };
    await expect(folderStore(folder, quick).startOver(first)).rejects.toMatchObject({ code: 'JOB_HELD' });
    expect(await readdir(folder)).toEqual(['hold-000001.json']);
    expect((await readdir(join(folder, '..'))).length).toBe(2);
  });
});

describe('a folder that cannot be a job', () => {
  it('is a file', async () => {
    const file = join(await tempFolder(), 'a.txt');
    await writeFile(file, '');
    const unusable = { code: 'JOB_UNUSABLE', message: expect.stringContaining('name another with --job') };
    await expect(folderStore(file).create()).rejects.toMatchObject(unusable);
    await expect(folderStore(file).list()).rejects.toMatchObject(unusable);
    await expect(folderStore(join(file, 'below')).create()).rejects.toMatchObject(unusable);
  });

  it('is a link to nowhere', async () => {
    const link = join(await tempFolder(), 'link');
    await symlink('/nowhere/at/all', link);
    await expect(folderStore(link).create()).rejects.toMatchObject({ code: 'JOB_UNUSABLE' });
  });

  it('is gone when it is written to', async () => {
    const store = folderStore(join(await tempFolder(), 'gone'));
    const unwritable = {
      code: 'JOB_UNWRITABLE',
      message: expect.stringContaining('see to that, then resume'),
    };
    await expect(store.replace('a.txt', '')).rejects.toMatchObject(unwritable);
    await expect(store.openJournal('a.txt', 0)).rejects.toMatchObject(unwritable);
    expect(await store.createFile('a.txt', '')).toBe(false);
  });
});
