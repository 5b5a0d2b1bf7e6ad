import type { SimulatedSecond } from '../../src/index.js';
import type { Form } from '../support/traffic.js';
import { formInWords } from './neighbour-tables.js';

/** A second as it is drawn. */
export interface PlottedSecond
  extends Pick<SimulatedSecond, 'confirmed' | 'liveSignUps' | 'liveSignUpsThrottled'> {
  readonly pacePerSecond: number;
  /** What live traffic leaves of the quota, on average. */
  readonly roomPerSecond: number;
}

const WIDTH = 860;
const LEFT = 46;
const RIGHT = 16;
/** The upper panel: everything per second. */
const TOP = 84;
const BOTTOM = 344;
const MOST = 50;
/** The lower one: who was turned away. */
const LOWER_TOP = 384;
const LOWER_BOTTOM = 444;
const HEIGHT = 476;

/** Seconds on either side that a smoothed line takes in. */
const SMOOTH = 3;
/** The drawing brings its own background, so it can be read on whatever page it lies. */
const STYLE = `
.page{fill:#fff}text{fill:#57606a;font:12px system-ui,sans-serif}.title{fill:#1f2328;font-size:15px;font-weight:600}
.grid{stroke:#d8dee4}.room{stroke:#8c959f;stroke-dasharray:5 4}.pace{stroke:#d4730b}.rows{stroke:#0969da}
.live{fill:#afb8c1;fill-opacity:.55}.away{stroke:#cf222e}path,line{fill:none}path.live{stroke:none}
@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#9198a1}.title{fill:#f0f6fc}.grid{stroke:#2a313c}
.room{stroke:#768390}.pace{stroke:#f0a04b}.rows{stroke:#58a6ff}.live{fill:#6e7681;fill-opacity:.5}.away{stroke:#ff7b72}}`;

/** The picture, as SVG. */
export function drawNeighbour(
  seconds: readonly PlottedSecond[],
  lives: readonly number[],
  form: Form,
  rate: string,
): string {
  const xOf = (second: number): number => round(LEFT + (second / seconds.length) * (WIDTH - LEFT - RIGHT));
  const yOf = (perSecond: number): number =>
    round(BOTTOM - (Math.min(perSecond, MOST) / MOST) * (BOTTOM - TOP));
  const line = (values: readonly number[]): string =>
    values.map((value, at) => `${xOf(at)} ${yOf(value)}`).join('L');
  const numbersOf = (name: keyof PlottedSecond): number[] => seconds.map((second) => second[name]);

  const live = smooth(numbersOf('liveSignUps'));
  const away = numbersOf('liveSignUpsThrottled');
  const mostAway = Math.max(4, ...away);
  const awayBars = away
    .map((count, at) => {
      const height = round((count / mostAway) * (LOWER_BOTTOM - LOWER_TOP));
      return count === 0 ? '' : `M${xOf(at + 0.5)} ${LOWER_BOTTOM}v${-height}`;
    })
    .join('');
  const total = away.reduce((sum, count) => sum + count, 0);
  const signUps = numbersOf('liveSignUps').reduce((sum, count) => sum + count, 0);
  const share = ((total / Math.max(1, signUps)) * 100).toFixed(2);
  const minutes = seconds.length / 60;

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="The pace of a run beside live sign-ups">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    text(16, 26, `--rate ${rate} beside live sign-ups of ${lives.join(', ')}/s`, 'class="title"'),
    text(16, 44, `Simulated quota of 50/s (${formInWords(form).toLowerCase()}), latency 60 ms; per second`),
    legend(),
    ...[0, 10, 20, 30, 40, 50].map(
      (value) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${yOf(value)}" y2="${yOf(value)}"/>${text(LEFT - 8, yOf(value) + 4, `${value}`, 'text-anchor="end"')}`,
    ),
    `<path class="live" d="M${xOf(0)} ${yOf(0)}L${line(live)}L${xOf(seconds.length - 1)} ${yOf(0)}Z"/>`,
    `<path class="room" d="M${line(numbersOf('roomPerSecond'))}"/>`,
    `<path class="rows" stroke-width="2" d="M${line(smooth(numbersOf('confirmed')))}"/>`,
    `<path class="pace" stroke-width="1.5" d="M${line(numbersOf('pacePerSecond'))}"/>`,
    text(16, LOWER_TOP - 14, `Live sign-ups turned away: ${total} of ${signUps} (${share} %)`),
    ...[0, mostAway].map((value) => {
      const y = value === 0 ? LOWER_BOTTOM : LOWER_TOP;
      return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>${text(LEFT - 8, y + 4, `${value}`, 'text-anchor="end"')}`;
    }),
    `<path class="away" stroke-width="1.5" d="${awayBars}"/>`,
    ...Array.from({ length: 6 }, (_, at) => {
      const minute = (minutes * at) / 5;
      const anchor = at === 0 ? 'start' : at === 5 ? 'end' : 'middle';
      return text(xOf(minute * 60), HEIGHT - 12, `${round(minute)} min`, `text-anchor="${anchor}"`);
    }),
    '</svg>',
    '',
  ].join('\n');
}

function legend(): string {
  const lines = [
    ['pace', 'pace'],
    ['rows', 'rows confirmed'],
    ['room', 'room that live sign-ups leave'],
  ] as const;
  let x = 16;
  const drawn = lines.map(([name, words]) => {
    const mark = `<line class="${name}" stroke-width="2" x1="${x}" x2="${x + 20}" y1="62" y2="62"/>`;
    const said = text(x + 26, 66, words);
    x += 50 + words.length * 7;
    return mark + said;
  });
  return `${drawn.join('')}<rect class="live" x="${x}" y="57" width="20" height="10"/>${text(x + 26, 66, 'live sign-ups')}`;
}

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x}" y="${y}" ${more}>${words}</text>`;

/** Each value becomes the mean of those around it. */
function smooth(values: readonly number[]): number[] {
  return values.map((_value, at) => {
    const near = values.slice(Math.max(0, at - SMOOTH), at + SMOOTH + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

const round = (value: number): number => Math.round(value * 10) / 10;
