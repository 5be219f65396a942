// How an app does, in a word: what the overview shows in a pill, sorts by, and counts. Pure.

import { judge } from './advice.js';
import { percent } from './format.js';
import { isUnreachable } from './hosts.js';
import { health } from './release.js';

// The filters of the overview, each with what it counts.
export const FILTERS = [
	['failing', 'Failing', ({ tone }) => tone === 'bad'],
	['rolling', 'Rolling', (_, state) => Boolean(state.candidate)],
	['locked', 'Locked', (_, state) => Boolean(state.lock)],
];

// The most severe first: the first that holds is the word. `tone` is `bad`, `warn`, `candidate` or `quiet`.
const STATES = [
	['worse', 'bad', (state) => judge(state)?.tone === 'bad'],
	['unreachable', 'bad', ({ stable }) => Boolean(stable) && serving(stable) === 0],
	['stopped', 'bad', ({ halt }) => halt?.kind === 'stop'],
	['no release', 'warn', ({ stable }) => !stable],
	['no host', 'warn', isUnreachable],
	['paused', 'warn', ({ halt }) => Boolean(halt)],
	['look', 'warn', (state) => judge(state)?.tone === 'warn'],
	['degraded', 'warn', ({ stable }) => health(stable).failing.length > 0],
	['rolling', 'candidate', ({ candidate }) => Boolean(candidate)],
	['locked', 'quiet', ({ lock }) => Boolean(lock)],
	['draining', 'quiet', ({ draining }) => Boolean(draining?.length)],
	['steady', 'quiet', () => true],
];

const serving = (release) => health(release).serving;

/** `{word, tone, rank}`; the lower the rank, the sooner somebody should look. */
export function stateOf(state) {
	const rank = STATES.findIndex(([, , holds]) => holds(state));
	const [word, tone] = STATES[rank];
	return { word: word === 'rolling' ? `rolling ${percent(state.blend)}` : word, tone, rank };
}
