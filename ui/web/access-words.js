// Puts into words what tokens may do and what browsers call themselves. Pure.

import { typedList } from './typed-list.js';

export const ROLES = {
	viewer: 'can look, but not change anything',
	ci: 'can release, within locks and limits',
	operator: 'can release, lock and change settings',
	admin: 'can do everything',
	router: 'can use the store of this router, and nothing else',
};

/** What a token is limited to beside its role, after a blank and these words; empty: nothing. */
export function describeLimits({ apps, networks, raw }, words) {
	const limits = [
		apps ? `the apps ${apps.join(', ')}` : null,
		networks ? `the networks ${networks.join(', ')}` : null,
		raw === false ? 'calls other than raw keyvalues' : null,
	].filter(Boolean);
	return limits.length ? ` ${words}${limits.join('; ')}.` : '';
}

// The most telling name first: every browser claims to be some of the others.
const BROWSERS = [
	[/Edg\//, 'Edge'],
	[/OPR\//, 'Opera'],
	[/Firefox\//, 'Firefox'],
	[/Chrome\/|Chromium\//, 'Chrome'],
	[/Safari\//, 'Safari'],
];
const SYSTEMS = [
	[/Android/, 'Android'],
	[/iPhone|iPad/, 'iOS'],
	[/Windows/, 'Windows'],
	[/Mac OS X/, 'macOS'],
	[/Linux/, 'Linux'],
];
const find = (table, text) => table.find(([shape]) => shape.test(text))?.[1];

/** `Firefox on Linux`; what is unknown as it calls itself, shortened. */
export function describeBrowser(agent) {
	const [browser, system] = [find(BROWSERS, agent), find(SYSTEMS, agent)];
	if (!browser) return agent ? agent.slice(0, 40) : 'a browser without a name';
	return system ? `${browser} on ${system}` : browser;
}

/** What a request for a token says, of what was typed and chosen; lists are split at commas and blanks. */
export function tokenRequest({ name, role, apps, networks, days, raw }) {
	const body = { name: name.trim(), role };
	if (apps.length) body.apps = apps;
	if (typedList(networks).length) body.networks = typedList(networks);
	if (days) body.for_seconds = days * 86_400;
	if (!raw) body.raw = false;
	return body;
}
