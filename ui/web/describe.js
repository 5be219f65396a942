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
	'undrain-endpoint': 'Drain lifted',
};

/** What people call a command. */
export function commandTitle(command = 'change') {
	return TITLES[command] ?? (command.charAt(0).toUpperCase() + command.slice(1)).replace(/-/g, ' ');
}

const FIELDS = ['stable', 'candidate', 'blend', 'sticky', 'lock', 'draining', 'endpoint_drains'];

/** What changed, in words: `blend 0 % → 10 %, candidate none → 1.0.1`. */
export function changes(changed) {
	const words = FIELDS.filter((field) => Array.isArray(changed?.[field])).map((field) => one(field, ...changed[field]));
	// What drains follows from the rest, unless it is all there is.
	const rest = words.filter((each) => !/^(drain|retired)/.test(each));
	return rest.length ? rest.join(', ') : (words[0] ?? '');
}

function one(field, before, after) {
	if (field === 'blend') return `blend ${percent(before)} → ${percent(after)}`;
	if (field === 'sticky') return `sticky ${after ? 'on' : 'off'}`;
	if (field === 'lock') return after ? 'locked' : 'unlocked';
	if (field === 'endpoint_drains') return endpointDrains(before, after);
	if (field === 'draining')
		return [
			...other(before, after).map((id) => `retired ${releaseName(id)}`),
			...other(after, before).map((id) => `drains ${releaseName(id)}`),
		].join(', ');
	return `${field} ${releaseName(before)} → ${releaseName(after)}`;
}

const other = (from, list) => from.filter((each) => !list.includes(each));

// Which endpoints began or ceased to drain: `drain 10.0.0.9:3000 of 1.0.1`.
function endpointDrains(before, after) {
	const said = (each) => each.replace(/^(.*)\/([^/]+)$/, (_, id, address) => `${address} of ${releaseName(id)}`);
	return [...other(after, before), ...other(before, after)].map((each) => `drain ${said(each)}`).join(', ');
}

/** Every field that an event changed: `{field, before, after}` in words. */
export function differences(changed) {
	return Object.entries(changed ?? {})
		.filter(([, pair]) => Array.isArray(pair) && pair.length === 2)
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
