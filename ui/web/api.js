// Every call to the router, one function per call. Adds the token, times out, and turns refusals into ApiError.

// A command answers within milliseconds, or when the fleet's five seconds are over.
const TIMEOUT_MS = 15_000;
const WAIT = 'wait=fleet&timeout=5s';

/** A refused or failed call: `status` 0 means that no answer came. `message` is written for the person who must act. */
export class ApiError extends Error {
	constructor(status, { code = 'failed', message, field = null } = {}, retryAfter = null) {
		super(message ?? `The router answered ${status}.`);
		this.status = status;
		this.code = code;
		this.field = field;
		this.retryAfter = retryAfter;
	}
}

const segment = encodeURIComponent;
const keyPath = (key) => key.split('/').map(segment).join('/');

/** The API for a token; `onDenied` runs when the token is no longer accepted. */
export function createApi(token, { onDenied = () => {}, fetch = globalThis.fetch.bind(globalThis) } = {}) {
	async function call(method, path, { body, seq, type = 'application/json' } = {}) {
		const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' };
		if (body !== undefined) headers['Content-Type'] = type;
		if (seq != null) headers['If-Match'] = `"${seq}"`;
		let answer;
		let text;
		try {
			answer = await fetch(path, { method, headers, body, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
			text = await answer.text();
		} catch {
			throw new ApiError(0, {
				code: 'unreachable',
				message:
					method === 'GET'
						? 'The router did not answer.'
						: 'The router did not answer, so it is not known whether this was done. The page will show it.',
			});
		}
		if (answer.ok) return { status: answer.status, text };
		const error = new ApiError(answer.status, parse(text)?.error, answer.headers.get('Retry-After'));
		if (answer.status === 401) onDenied(error);
		throw error;
	}

	const get = async (path) => parse((await call('GET', path)).text);
	const send = async (method, path, body, seq) =>
		parse((await call(method, path, { body: body === undefined ? undefined : JSON.stringify(body), seq })).text);
	const app = (name) => `/api/v1/apps/${segment(name)}`;
	const endpointDrain = (release, address) => `releases/${segment(release)}/endpoints/${segment(address)}/drain`;
	const command = (method, verb) => (name, body, seq) => send(method, `${app(name)}/${verb}?${WAIT}`, body, seq);

	return {
		whoami: () => get('/api/v1/whoami'),
		router: () => get('/api/v1/router'),
		fleet: () => get('/api/v1/fleet'),
		removeMember: (node) => send('DELETE', `/api/v1/fleet/${segment(node)}`),
		rotateKeys: () => send('POST', '/api/v1/fleet/rotate-keys?timeout=5s', {}),
		apps: () => get('/api/v1/apps'),
		app: (name) => get(app(name)),
		tokens: () => get('/api/v1/tokens'),
		hooks: () => get('/api/v1/hooks'),
		writeHook: (name, body, seen) => send('PUT', `/api/v1/hooks/${segment(name)}`, body, seen),
		testHook: (name) => send('POST', `/api/v1/hooks/${segment(name)}/test`, {}),
		removeHook: (name) => send('DELETE', `/api/v1/hooks/${segment(name)}`),
		description: () => get('/api/openapi.json'),
		acceptStore: () => send('POST', '/api/v1/store/accept', {}),
		restoreStore: (body) => send('POST', '/api/v1/store/restore', body),
		releases: (name) => get(`${app(name)}/releases`),
		history: (name, { limit = 50, before } = {}) => get(`${app(name)}/history?limit=${limit}${before ? `&before=${before}` : ''}`),
		explain: (name, body) => send('POST', `${app(name)}/explain`, body),
		whoMoves: (name, body) => send('POST', `${app(name)}/who-moves`, body),
		streamPath: (name) => (name ? `${app(name)}/stream` : '/api/v1/stream'),

		candidate: command('PUT', 'candidate'),
		stable: command('PUT', 'stable'),
		abort: command('POST', 'abort'),
		blend: command('PUT', 'blend'),
		sticky: command('PUT', 'sticky'),
		promote: command('POST', 'promote'),
		rollback: command('POST', 'rollback'),
		lock: command('PUT', 'lock'),
		unlock: command('DELETE', 'lock'),
		finishDrain: (name, tenure, body, seq) => command('DELETE', `draining/${tenure}`)(name, body, seq),
		finishDrains: command('DELETE', 'draining'),
		drainEndpoint: (name, release, address, body, seq) => command('PUT', endpointDrain(release, address))(name, body, seq),
		liftDrain: (name, release, address, body, seq) => command('DELETE', endpointDrain(release, address))(name, body, seq),

		previews: (name) => get(`${app(name)}/previews`),
		createPreview: (name, body) => send('POST', `${app(name)}/previews`, body),
		revokePreview: (name, id) => send('DELETE', `${app(name)}/previews/${segment(id)}`),

		settings: (name) => get(`${app(name)}/settings`),
		patchSettings: (name, body, seq) => send('PATCH', `${app(name)}/settings`, body, seq),

		kvList: async (prefix) => parse((await call('GET', `/api/kv/${keyPath(prefix)}?recurse=true`)).text) ?? [],
		kvPut: (key, value) => call('PUT', `/api/kv/${keyPath(key)}`, { body: value, type: 'text/plain; charset=utf-8' }),
		kvDelete: (key) => call('DELETE', `/api/kv/${keyPath(key)}`),
	};
}

function parse(text) {
	if (!text) return null;
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/** The text of a key-values entry, whose value travels as base64. */
export function entryText(entry) {
	const bytes = Uint8Array.from(atob(entry.Value ?? ''), (char) => char.charCodeAt(0));
	return new TextDecoder().decode(bytes);
}
