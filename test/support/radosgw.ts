import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Radosgw {
  readonly url: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): Promise<void>;
}

const NEEDED = ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'];

/** What of it is not installed; nothing, where `startRadosgw` can start. */
export const missingOfRadosgw = (): string[] =>
  // It takes a quarter of a minute to start, so it is left to CI.
  process.env.CI === undefined
    ? ['CI']
    : NEEDED.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);

/**
 * A real S3 that others wrote: Ceph's gateway on 127.0.0.1, with one monitor and one store in memory.
 * (`apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr ceph-common`.)
 * It takes some 15 s to start and 260 MB.
 */
export async function startRadosgw(): Promise<Radosgw> {
  const folder = await mkdtemp(join(tmpdir(), 'cognito-bulk-confirm-radosgw-'));
  const [port, v1, v2] = [await freePort(), await freePort(), await freePort()];
  const conf = join(folder, 'ceph.conf');
  const fsid = randomUUID();
  const processes: ChildProcess[] = [];

  /** In the foreground, so that it ends with us; what it says goes into the log. */
  function start(program: string, ...parameters: string[]): ChildProcess {
    const child = spawn(program, ['-c', conf, ...parameters], { stdio: 'ignore', cwd: folder });
    processes.push(child);
    return child;
  }
  const ceph = async (...parameters: string[]) =>
    (await run('ceph', ['-c', conf, '--connect-timeout', '5', ...parameters], { cwd: folder })).stdout.trim();

  async function close(): Promise<void> {
    for (const child of processes.reverse()) await ended(child);
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await writeFile(conf, configuration(folder, fsid, { port, v1, v2 }));
    await mkdir(join(folder, 'mon'));
    await mkdir(join(folder, 'osd'));
    const monmap = join(folder, 'monmap');
    const addresses = `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`;
    await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', addresses, monmap], { cwd: folder });
    await run('ceph-mon', ['-c', conf, '--mkfs', '-i', 'a', '--monmap', monmap], { cwd: folder });
    start('ceph-mon', '-f', '-i', 'a');
    await until('the monitor', processes, () => ceph('mon', 'stat'));
    const osd = randomUUID();
    const id = await ceph('osd', 'new', osd);
    await run('ceph-osd', ['-c', conf, '--mkfs', '-i', id, '--osd-uuid', osd], { cwd: folder });
    start('ceph-osd', '-f', '-i', id);
    await until('the store', processes, async () => {
      if (!/\b1 up\b/.test(await ceph('osd', 'stat'))) throw new Error('not up');
    });
    start('radosgw', '-n', 'client.rgw', '-f');
    const url = `http://127.0.0.1:${port}`;
    await until('the gateway', processes, () => fetch(url));
    const credentials = { accessKeyId: 'AKIAOFTHEGATEWAY0000', secretAccessKey: 'a-secret-of-the-gateway' };
    const user = ['user', 'create', '--uid=demo', '--display-name=demo'];
    const keys = [`--access-key=${credentials.accessKeyId}`, `--secret-key=${credentials.secretAccessKey}`];
    await run('radosgw-admin', ['-c', conf, '-n', 'client.rgw', ...user, ...keys], { cwd: folder });
    return { url, credentials, close };
  } catch (error) {
    const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
    await close();
    throw new Error(`radosgw did not start: ${String(error)}\n${log.slice(-2_000)}`, { cause: error });
  }
}

/** `ms mon client mode = crc`: without it the gateway never listens. */
const configuration = (
  folder: string,
  fsid: string,
  { port, v1, v2 }: { readonly port: number; readonly v1: number; readonly v2: number },
): string => `[global]
fsid = ${fsid}
mon initial members = a
mon host = [v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
mon data = ${folder}/mon
osd data = ${folder}/osd
run dir = ${folder}
admin socket =
log file = ${folder}/log
mon cluster log file = ${folder}/log
pid file = ${folder}/$type.pid
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon max pg per osd = 2000
osd crush chooseleaf type = 0
mon allow pool size one = true
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw data = ${folder}
`;

/** Tries until it works; ends early where one of the processes did. */
async function until(
  what: string,
  processes: readonly ChildProcess[],
  works: () => Promise<unknown>,
): Promise<void> {
  const end = Date.now() + 120_000;
  while (true) {
    try {
      await works();
      return;
    } catch (error) {
      if (processes.some(({ exitCode }) => exitCode !== null)) throw new Error(`${what} ended`);
      if (Date.now() > end) throw new Error(`${what} was not ready in two minutes`, { cause: error });
    }
    await after(200);
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    // What it holds is in memory and is thrown away.
    child.kill('SIGKILL');
  });
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
