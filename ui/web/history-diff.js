// What a change of an app changed, and what differs between two moments of it: a row for each thing, in words. Pure.

import { percent } from './format.js';
import { describeHalt } from './halt-words.js';
import { releaseId, releaseName } from './release.js';

const LABELS = {
	stable: 'Stable',
	candidate: 'Candidate',
	previous: 'Way back',
	blend: 'Traffic to candidate',
	sticky: 'Sticky',
	lock: 'Lock',
	halt: 'Requests',
	plan: 'Plan',
	draining: 'Draining',
};
// Lists of `<release>/<rest>`: what is said of each release, and of what comes and goes.
const LISTS = {
	endpoints: 'Endpoints',
	endpoint_drains: 'Drained endpoints',
	recycles: 'Recycled endpoints',
	unregistered: 'Unregistered endpoints',
	approvals: 'Approvals',
	lowerings: 'Approvals to need fewer',
};

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const byName = ([a], [b]) => a.localeCompare(b);

/**
 * What the events changed together: `{what, before, after}`, texts; null: there is nothing on that side. `events` are those of one app
 * without a gap, the newest first, as the history has them.
 */
export function differenceOf(events, app) {
	const sides = new Map();
	for (const event of [...events].reverse()) {
		for (const [field, pair] of Object.entries(event.changed ?? {})) {
			if (!Array.isArray(pair) || pair.length !== 2) continue;
			for (const [key, before, after] of partsOf(field, pair)) {
				const known = sides.get(key);
				sides.set(key, { field, before: known ? known.before : before, after });
			}
		}
	}
	const differing = [...sides].filter(([, { before, after }]) => !isSame(before, after)).sort(byOrder);
	const ids = differing.flatMap(([, { before, after }]) => [before, after]).filter((value) => typeof value === 'string');
	const name = (id) => releaseName(id, app, ids);
	return differing.flatMap(([key, { field, before, after }]) => rowsOf(key, field, before, after, name));
}

// What people follow first, then lists, settings, and what this page has no word for.
function byOrder([a], [b]) {
	const order = [...Object.keys(LABELS), ...Object.keys(LISTS), 'settings'];
	const place = (key) => (order.indexOf(key.split(' ')[0]) + order.length + 1) % (order.length + 1);
	return place(a) - place(b) || a.localeCompare(b);
}

// Settings change one by one, and the endpoints of each release for themselves: an event tells only of those that changed.
function partsOf(field, [before, after]) {
	if (field === 'settings') {
		const [was, is] = [before, after].map((side) => (isObject(side) ? side : {}));
		const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
		return names.map((name) => [`settings ${name}`, was[name], is[name]]);
	}
	if (field === 'endpoints') {
		const [was, is] = [before, after].map(groupByRelease);
		return [...new Set([...was.keys(), ...is.keys()])].map((id) => [`endpoints ${id}`, was.get(id) ?? [], is.get(id) ?? []]);
	}
	return [[field, before, after]];
}

function groupByRelease(entries) {
	const groups = new Map();
	for (const entry of Array.isArray(entries) ? entries : []) {
		const id = /^apps\/[^/]+\/containers(?=\/)/.exec(entry)?.[0] ?? '';
		groups.set(id, [...(groups.get(id) ?? []), entry]);
	}
	return groups;
}

function rowsOf(key, field, before, after, name) {
	if (field === 'settings') return settingRows(key.slice('settings '.length), before, after);
	if (field === 'facts') return factRows(before, after);
	if (field in LISTS) return listRows(LISTS[field], before, after, name);
	return [{ what: LABELS[field] ?? field, before: describeValue(field, before, name), after: describeValue(field, after, name) }];
}

// `health.fall 3 → 5`: of a group those that differ.
function settingRows(path, before, after) {
	if (isObject(before) || isObject(after)) {
		const inner = (side) => (isObject(side) ? side : {});
		const names = [...new Set([...Object.keys(inner(before)), ...Object.keys(inner(after))])].sort();
		return names.flatMap((name) => settingRows(`${path}.${name}`, inner(before)[name], inner(after)[name]));
	}
	if (isSame(before, after)) return [];
	return [{ what: `Setting ${path}`, before: describeSetting(before), after: describeSetting(after) }];
}

function factRows(before, after) {
	const [was, is] = [before, after].map((side) => (isObject(side) ? side : {}));
	const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort().filter((name) => was[name] !== is[name]);
	return names.map((name) => ({ what: `Fact ${name}`, before: was[name] ?? null, after: is[name] ?? null }));
}

function describeSetting(value) {
	if (value === undefined || value === null) return 'the default';
	if (Array.isArray(value)) return value.map((each) => (isObject(each) ? JSON.stringify(each) : each)).join(', ') || 'none';
	return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

function listRows(label, before, after, name) {
	const [was, is] = [before, after].map(groupByRelease);
	const all = [...new Set([...was.keys(), ...is.keys()])].map((id) => [id, was.get(id) ?? [], is.get(id) ?? []]).sort(byName);
	return all.flatMap(([id, old, now]) => {
		const rest = (entry) => (id ? entry.slice(id.length + 1) : entry);
		const gone = old.filter((entry) => !now.includes(entry)).map(rest);
		const came = now.filter((entry) => !old.includes(entry)).map(rest);
		if (gone.length + came.length === 0) return [];
		return [{ what: id ? `${label} of ${name(id)}` : label, before: gone.join(', ') || null, after: came.join(', ') || null }];
	});
}

function describeValue(field, value, name) {
	if (field === 'blend') return percent(value);
	if (field === 'sticky') return value ? 'on' : 'off';
	if (field === 'halt') return describeHalt(value) || 'go on';
	if (field === 'lock') return value ? `“${value.reason}” by ${value.by}${value.holder ? ` (${value.holder})` : ''}` : 'not locked';
	if (field === 'draining') return (value ?? []).map((each) => name(releaseId(each))).join(', ') || 'none';
	if (field === 'stable' || field === 'candidate' || field === 'previous') return name(releaseId(value));
	if (value === null || value === undefined) return 'none';
	return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A moment in a few words, for a list to choose from: `9 Promote: stable 1.1.0, candidate none`. */
export function describeMoment({ seq, number, record }, title, app) {
	const { stable, candidate } = record ?? {};
	const place = `stable ${releaseName(releaseId(stable), app)}, candidate ${releaseName(releaseId(candidate), app)}`;
	return `${number ? `${seq}+` : seq} ${title}: ${place}`;
}

const SHARED = /^\/api\/v1\/(hooks|hooks-in|tokens)\/?([^/?]*)/;
const KINDS = { hooks: 'Hook', 'hooks-in': 'Hook in', tokens: 'Token' };
const VERBS = { PUT: 'written', POST: 'made', PATCH: 'changed', DELETE: 'taken back' };

/**
 * The hooks and tokens that were changed, from the audit, as events among an app's: those that are about it or about all apps. They
 * have no seq.
 */
export function sharedEvents(entries, app) {
	return entries.flatMap(({ id, at, actor, method, path, outcome, request, changes }) => {
		const [, kind, named] = SHARED.exec(path) ?? [];
		if (!kind || outcome !== 'done' || path.endsWith('/test')) return [];
		const apps = [request, ...changes.flatMap(({ before, after }) => [before, after])].find((side) => Array.isArray(side?.apps))?.apps ?? [];
		const one = request?.app ?? changes.flatMap(({ before, after }) => [before, after]).find((side) => typeof side?.app === 'string')?.app;
		if ((apps.length && !apps.includes(app)) || (one && one !== app)) return [];
		const title = KINDS[kind];
		const name = decodeURIComponent(named) || request?.name || '';
		// Of what is kept secret as a whole, what was asked for tells more.
		const known = changes.filter(({ before, after }) => isObject(before) || isObject(after));
		const changed = Object.fromEntries(known.length ? known.flatMap(({ before, after }) => fieldsOf(before, after)) : fieldsOf(null, request));
		return [{ audit: id, at, actor: actor ?? 'nobody known', command: kind, title, words: `${name} ${VERBS[method] ?? method}`, reason: '', changed }];
	});
}

// The fields of a value that differ.
function fieldsOf(before, after) {
	if (!isObject(before) && !isObject(after)) return [];
	const [was, is] = [before ?? {}, after ?? {}];
	const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
	return names.filter((name) => !isSame(was[name], is[name])).map((name) => [name, [was[name] ?? null, is[name] ?? null]]);
}
