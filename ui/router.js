// Where the page is: the part of the address after `#`, so that every view can be linked to.

const ROUTES = [
	['apps', /^\/?$/, []],
	['setup', /^\/setup$/, []],
	['history', /^\/apps\/([^/]+)\/history$/, ['app']],
	['settings', /^\/apps\/([^/]+)\/settings$/, ['app']],
	['app', /^\/apps\/([^/]+)$/, ['app']],
	['keyvalues', /^\/keyvalues(?:\/(.*))?$/, ['prefix']],
	['router', /^\/router$/, []],
];

/** `{page, params}` of a hash such as `#/apps/hello`; an unknown one is the overview. */
export function parseRoute(hash) {
	const path = hash.replace(/^#/, '');
	for (const [page, shape, names] of ROUTES) {
		const match = shape.exec(path);
		if (match) return { page, params: Object.fromEntries(names.map((name, at) => [name, decode(match[at + 1] ?? '')])) };
	}
	return { page: 'apps', params: {} };
}

function decode(text) {
	try { return decodeURIComponent(text); } catch { return text; }
}

/** The hash of an app's page, or of a page below it. */
export function appHref(app, below = '') {
	return `#/apps/${encodeURIComponent(app)}${below && `/${below}`}`;
}
