// What was said of releases when they were put on a track: commit, author, build. Pure.

import { releaseId } from './release.js';

/** The facts of releases by id, from the newest event that tells of any; `events` have the newest first. */
export function factsOf(events) {
	const found = new Map();
	for (const { record } of events)
		for (const stay of [record?.stable, record?.candidate]) {
			const id = releaseId(stay);
			if (id && !found.has(id) && Object.keys(stay.facts ?? {}).length > 0) found.set(id, stay.facts);
		}
	return found;
}

/** The address to which a fact leads: itself, or what the setting `fact_links` has for its name; null: to none. */
export function linkOf(name, value, templates = []) {
	const template = templates.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
	const address = template ? template.replace('{}', () => encodeURIComponent(value)) : value;
	return isLink(address) ? address : null;
}

/** Whether a value is an address that can be opened. Nothing but http and https is, whatever it looks like. */
export function isLink(value) {
	try {
		return ['http:', 'https:'].includes(new URL(value).protocol);
	} catch {
		return false;
	}
}
