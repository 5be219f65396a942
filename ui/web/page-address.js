// The address of a page: the part after `#`, so that every page can be linked to.

const ROUTES = [
	['apps', /^\/?$/, []],
	['setup', /^\/setup$/, []],
	['history', /^\/apps\/([^/]+)\/history$/, ['app']],
	['releases', /^\/apps\/([^/]+)\/releases$/, ['app']],
	['shadow', /^\/apps\/([^/]+)\/shadow$/, ['app']],
	['settings', /^\/apps\/([^/]+)\/settings$/, ['app']],
	['plans', /^\/apps\/([^/]+)\/plans$/, ['app']],
	['deployments', /^\/apps\/([^/]+)\/deployments$/, ['app']],
	['previews', /^\/apps\/([^/]+)\/previews$/, ['app']],
	['app', /^\/apps\/([^/]+)$/, ['app']],
	['keyvalues', /^\/keyvalues(?:\/(.*))?$/, ['prefix']],
	['store', /^\/store$/, []],
	['fleet', /^\/fleet$/, []],
	['hooks', /^\/hooks$/, []],
	['router', /^\/router$/, []],
	['tokens', /^\/tokens$/, []],
	['certificates', /^\/certificates$/, []],
	['audit', /^\/audit$/, []],
	['api', /^\/api$/, []],
];

/** `{page, params}` of a hash such as `#/apps/hello`. An unknown hash is the page `unknown`. `params.find` is the search. */
export function parseRoute(hash) {
	const [path, query = ''] = hash.replace(/^#/, '').split('?');
	for (const [page, shape, names] of ROUTES) {
		const match = shape.exec(path);
		if (match)
			return { page, params: { ...Object.fromEntries(names.map((name, at) => [name, decode(match[at + 1] ?? '')])), ...find(query) } };
	}
	return { page: 'unknown', params: {} };
}

function find(query) {
	const text = new URLSearchParams(query).get('find');
	return text ? { find: text } : {};
}

function decode(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** The same hash with another search. */
export function hashWithFind(hash, text) {
	const path = hash.split('?')[0] || '#/';
	return text ? `${path}?find=${encodeURIComponent(text)}` : path;
}

/** The hash of an app's page, or of a page below it. */
export function appHref(app, below = '') {
	return `#/apps/${encodeURIComponent(app)}${below && `/${below}`}`;
}
