// What an event did, in a few words, for the history, the charts' markers and the announcements. Pure.

import { percent } from './format.js';
import { releaseId, releaseName } from './release.js';

const TITLES = {
	rollback: 'Roll back',
	'set-candidate': 'Candidate set',
	'set-stable': 'Stable set',
	'set-blend': 'Blend',
	'set-sticky': 'Sticky',
	raw: 'Raw write',
	adopt: 'Adopted',
	retire: 'Retired',
};

/** What people call a command. */
export function commandTitle(command = 'change') {
	return TITLES[command] ?? (command.charAt(0).toUpperCase() + command.slice(1)).replace(/-/g, ' ');
}

const FIELDS = ['stable', 'candidate', 'blend', 'sticky', 'lock', 'draining'];

/** What changed, in words: `blend 0 % → 10 %, candidate none → 1.0.1`. */
export function changes(changed) {
	const words = FIELDS.filter((field) => Array.isArray(changed?.[field])).map((field) => one(field, ...changed[field]));
	// What drains follows from the rest, unless it is all there is.
	return (words.length > 1 ? words.filter((each) => !each.startsWith('draining')) : words).join(', ');
}

function one(field, before, after) {
	if (field === 'blend') return `blend ${percent(before)} → ${percent(after)}`;
	if (field === 'sticky') return `sticky ${after ? 'on' : 'off'}`;
	if (field === 'lock') return after ? 'locked' : 'unlocked';
	if (field === 'draining') return `draining ${after.map(releaseName).join(', ') || 'nothing'}`;
	return `${field} ${releaseName(before)} → ${releaseName(after)}`;
}

/** Every field that an event changed: `{field, before, after}` in words. */
export function differences(changed) {
	return Object.entries(changed ?? {}).filter(([, pair]) => Array.isArray(pair) && pair.length === 2)
		.map(([field, [before, after]]) => ({ field, before: value(field, before), after: value(field, after) }));
}

function value(field, held) {
	if (field === 'blend') return percent(held);
	if (field === 'sticky') return held ? 'on' : 'off';
	if (field === 'lock') return held ? `“${held.reason}” by ${held.by}` : 'not locked';
	if (field === 'draining') return (held ?? []).map(releaseName).join(', ') || 'nothing';
	if (field === 'stable' || field === 'candidate' || field === 'previous') return releaseId(held) ?? 'none';
	return JSON.stringify(held);
}

/** An event as title and rest, without saying a word twice: `Blend` and `5 % → 10 %`. */
export function summary(event) {
	const title = commandTitle(event.command);
	const [first] = title.toLowerCase().split(' ');
	return { title, words: changes(event.changed).replace(new RegExp(`^${first}(ed)?( |$)`), '') };
}

/** The release that an event put on stable, when it did: what a row of the history can be rolled back to. */
export function stableAfter(event) {
	return releaseId(event.record?.stable ?? event.changed?.stable?.[1]);
}
