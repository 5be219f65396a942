// The history as releases: each stay of a release on the tracks, when it became candidate and stable, and how it ended. Pure.

import { releaseId } from './release.js';

const NULL = 'rolling/null';
const idOf = (value) => {
	const id = releaseId(value);
	return id && id !== NULL ? id : null;
};

/**
 * The stays that events tell of, newest first: `{id, from, moments, end}`. `moments` are `{word, at, by, reason}`, oldest first; `end` is the last of
 * them where the stay is over, else null. A stay that began before the oldest event has no first moment.
 */
export function staysOf(events) {
	const open = new Map();
	const all = [];
	const stayOf = (id) => {
		if (!open.has(id)) {
			const stay = { id, moments: [], end: null };
			open.set(id, stay);
			all.unshift(stay);
		}
		return open.get(id);
	};
	const note = (id, word, { at, actor, reason, seq }, isEnd = false) => {
		const stay = stayOf(id);
		const moment = { word, at, by: actor, reason, seq };
		stay.moments.push(moment);
		if (!isEnd) return;
		stay.end = moment;
		open.delete(id);
	};
	for (const event of [...events].filter(({ number }) => !number).sort((a, b) => a.seq - b.seq)) noteEvent(event, note);
	return all;
}

function noteEvent(event, note) {
	const { command, changed = {} } = event;
	const [oldStable, stable] = (changed.stable ?? []).map(idOf);
	const [oldCandidate, candidate] = (changed.candidate ?? []).map(idOf);
	if (oldCandidate && oldCandidate !== stable) note(oldCandidate, command === 'abort' ? 'aborted' : 'dropped', event, true);
	if (oldStable && oldStable !== candidate) note(oldStable, command === 'rollback' ? 'rolled back' : 'replaced', event, true);
	if (stable) note(stable, 'stable', event);
	if (candidate) note(candidate, 'candidate', event);
}
