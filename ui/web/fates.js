// How former stays of releases ended, read from an app's history: a release that was rolled back or aborted must not be taken for a good
// one. Pure.

import { releaseId } from './release.js';

const NULL = 'rolling/null';
const idOf = (value) => {
	const id = releaseId(value);
	return id && id !== NULL ? id : null;
};

// The release that an event took off its track because it was bad, and the word for it.
function endingOf({ command, changed }) {
	if (command === 'rollback') return [idOf(changed?.stable?.[0]), 'rolled back'];
	return command === 'abort' ? [idOf(changed?.candidate?.[0]), 'aborted'] : [null];
}

/**
 * The releases whose last stay ended badly, by id: `{how, at, by, reason}`, where `how` is `rolled back` or `aborted`. A release that came
 * back since then is not among them. `events` are in any order; those of endpoints count for nothing.
 */
export function fatesOf(events) {
	const fates = new Map();
	for (const event of [...events].filter(({ number }) => !number).sort((a, b) => a.seq - b.seq)) {
		for (const field of ['stable', 'candidate']) {
			const came = idOf(event.changed?.[field]?.[1]);
			if (came) fates.delete(came);
		}
		const [id, how] = endingOf(event);
		if (id) fates.set(id, { how, at: event.at, by: event.actor, reason: event.reason });
	}
	return fates;
}

/** The releases that were stable, newest first, each once: `{id, at}` with the time it became stable last. The one that is now is left out. */
export function formerStables(events, now) {
	const found = new Map();
	for (const event of [...events].filter(({ changed }) => changed?.stable).sort((a, b) => b.seq - a.seq)) {
		const [before, after] = event.changed.stable.map(idOf);
		for (const [id, at] of [
			[after, event.at],
			[before, null],
		]) {
			if (id && id !== now && (!found.has(id) || found.get(id) === null)) found.set(id, at);
		}
	}
	return [...found].map(([id, at]) => ({ id, at }));
}
