// What a store with another history holds beside what is served, and what accepting it would do. Pure.

import { percent } from './format.js';
import { releaseName } from './release.js';

/** One side of a difference: `1.0.0 on stable, 1.0.1 as candidate at 5 % (change 12)`. */
export function describeSide(side, app) {
	if (!side) return 'not there';
	const stable = side.stable ? `${releaseName(side.stable, app)} on stable` : 'nothing on stable';
	const candidate = side.candidate ? `, ${releaseName(side.candidate, app)} as candidate at ${percent(side.blend)}` : '';
	return `${stable}${candidate} (change ${side.seq})`;
}

/** What becomes of the clients of an app once the store is accepted. */
export function describeAccepting({ app, served, stored }) {
	if (!stored) return 'the app is gone: its requests get 404';
	if (!served) return 'the app is there again';
	const name = (id) => (id ? releaseName(id, app) : 'nothing');
	if (served.stable !== stored.stable) return `new clients go to ${name(stored.stable)} instead of ${name(served.stable)}`;
	if (served.candidate !== stored.candidate)
		return stored.candidate ? `${name(stored.candidate)} is the candidate` : `clients of ${name(served.candidate)} go to ${name(stored.stable)}`;
	if (served.blend !== stored.blend) return `the blend goes from ${percent(served.blend)} to ${percent(stored.blend)}`;
	return 'no client moves';
}
