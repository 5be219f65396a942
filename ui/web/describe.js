// Puts an event into a few words: for the history, the charts' marks and the announcements. Pure.

import { ago, percent } from './format.js';
import { releaseId, releaseName } from './release.js';

const TITLES = {
	rollback: 'Roll back',
	'set-candidate': 'Candidate set',
	'set-stable': 'Stable set',
	'set-facts': 'Facts',
	'clear-stable': 'Stable cleared',
	'add-app': 'App made',
	'set-blend': 'Blend',
	'set-sticky': 'Sticky',
	raw: 'Raw write',
	adopt: 'Adopted',
	retire: 'Retired',
	'undrain-endpoint': 'Drain lifted',
	'change-endpoints': 'Endpoints',
	'hold-endpoints': 'Endpoints lost',
	'drop-endpoints': 'Lost endpoints gone',
	'change-settings': 'Settings',
	approve: 'Approved',
	'withdraw-approval': 'Approval taken back',
	restore: 'Replaced',
};

/** The name that people know a command by. */
export function commandTitle(command = 'change') {
	return TITLES[command] ?? (command.charAt(0).toUpperCase() + command.slice(1)).replace(/-/g, ' ');
}

/** How the last stay of a release ended, in a few words; `fate` as `fates.js` has it. */
export function describeFate({ how, at, by, reason }, now) {
	return `${how} ${ago(at, now)} by ${by}${reason ? `: “${reason}”` : ''}`;
}

/** What an abort means that the router of this page alone applies: who ordered it, and when it ends. */
export function describeLocalAbort({ release, by, reason, seq }) {
	const why = reason ? `: “${reason}”` : '';
	const others = `The store has not taken the abort, so other routers may still serve ${release}.`;
	const end = `The store is given it as soon as it answers, if the app is still at change ${seq} there.`;
	return `⚠ ${release} is dropped on this router alone, by ${by}${why}. ${others} ${end}`;
}

const FIELDS = ['stable', 'candidate', 'blend', 'sticky', 'lock', 'halt', 'draining', 'endpoint_drains', 'endpoints', 'settings'];

/** What changed in an app: `blend 0 % → 10 %, candidate none → 1.0.1`. */
export function describeChanges(changed, app) {
	const fields = FIELDS.filter((field) => Array.isArray(changed?.[field]));
	const releases = releasesIn(changed);
	const name = (id) => releaseName(id, app, releases);
	const words = fields.map((field) => describeChange(name, field, ...changed[field]));
	// Which releases drain follows from the other fields, and endpoints come with a release, so both are said only when nothing else changed.
	const others = words.filter((each) => !/^(drain|retired|added|removed)/.test(each));
	return others.length ? others.join(', ') : (words[0] ?? '');
}

// The ids of all releases that a change speaks of, also of those whose endpoints it names: `apps/hello-1.0.0-80/containers/10.0.0.9:3000`.
function releasesIn(changed) {
	const texts = Object.values(changed ?? {})
		.flat(2)
		.map((each) => releaseId(each));
	return texts.flatMap((text) => /^apps\/[^/]+\/containers/.exec(text) ?? []);
}

function describeChange(name, field, before, after) {
	if (field === 'blend') return `blend ${percent(before)} → ${percent(after)}`;
	if (field === 'sticky') return `sticky ${after ? 'on' : 'off'}`;
	if (field === 'lock') return after ? 'locked' : 'unlocked';
	if (field === 'halt') return after ? { pause: 'paused', stop: 'stopped' }[after.kind] : 'resumed';
	if (field === 'endpoint_drains') return describeEndpointDrains(name, before, after);
	if (field === 'endpoints') return describeEndpoints(name, before, after);
	if (field === 'settings') return `settings ${[...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].join(', ')}`;
	if (field === 'draining') return describeDrains(name, before, after);
	return `${field} ${name(before)} → ${name(after)}`;
}

const except = (list, known) => list.filter((each) => !known.includes(each));

function describeDrains(name, before, after) {
	const retired = except(before, after).map((id) => `retired ${name(id)}`);
	const draining = except(after, before).map((id) => `draining ${name(id)}`);
	return [...retired, ...draining].join(', ');
}

// `10.0.0.9:3000 of 1.0.1`.
const endpointName = (name, each) => each.replace(/^(.*)\/([^/]+)$/, (_, id, address) => `${address} of ${name(id)}`);

// The endpoints whose drain began or ended: `drain 10.0.0.9:3000 of 1.0.1`.
function describeEndpointDrains(name, before, after) {
	return [...except(after, before), ...except(before, after)].map((each) => `drain ${endpointName(name, each)}`).join(', ');
}

// The endpoints that came and went, the first few of them by name.
function describeEndpoints(name, before, after) {
	const words = (verb, list) => {
		if (list.length === 0) return [];
		const more = list.length > 3 ? ` and ${list.length - 3} more` : '';
		const named = list.slice(0, 3).map((each) => endpointName(name, each));
		return [`${verb} ${named.join(', ')}${more}`];
	};
	return [...words('added', except(after, before)), ...words('removed', except(before, after))].join(', ');
}

/** An event as its title and the rest, without a word twice: `Blend` and `5 % → 10 %`. */
export function summarizeEvent(event, app) {
	const title = commandTitle(event.command);
	const [first] = title.toLowerCase().split(' ');
	return { title, words: describeChanges(event.changed, app).replace(new RegExp(`^${first}(ed)?( |$)`), '') };
}

/** The release that an event put on stable, if any: a row of the history offers to roll back to it. */
export function stableAfter(event) {
	return releaseId(event.record?.stable ?? event.changed?.stable?.[1]);
}
