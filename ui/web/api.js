// Every call to the router, one function per call. Limits the time, and turns refusals into ApiError. The browser adds its session by itself.

import { BASE } from './base.js';

// A command is answered within milliseconds, or after the five seconds that the fleet has to apply it.
const TIMEOUT_MS = 15_000;
const WAIT = 'wait=fleet&timeout=5s';

/** A call that was refused or failed. `status` is 0 when no answer came. `message` is written for the person who must act. */
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

/** The API; `onDenied` runs when the session is no longer accepted. */
export function createApi({ onDenied = () => {}, fetch = globalThis.fetch.bind(globalThis) } = {}) {
	async function call(method, path, { body, seq, token, type = 'application/json' } = {}) {
		const headers = { Accept: 'application/json' };
		if (token) headers.Authorization = `Bearer ${token}`;
		if (body !== undefined) headers['Content-Type'] = type;
		if (seq != null) headers['If-Match'] = `"${seq}"`;
		let answer;
		let text;
		try {
			answer = await fetch(BASE + path, { method, headers, body, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
			text = await answer.text();
		} catch {
			throw new ApiError(0, {
				code: 'unreachable',
				message:
					method === 'GET'
						? 'The router did not answer.'
						: 'The router did not answer, so it is not known whether this was done. The page shows it once the router answers again.',
			});
		}
		if (answer.ok) return { status: answer.status, text, etag: answer.headers.get('ETag') };
		const error = new ApiError(answer.status, parseJson(text)?.error, answer.headers.get('Retry-After'));
		if (answer.status === 401) onDenied(error);
		throw error;
	}

	const get = async (path) => parseJson((await call('GET', path)).text);
	const send = async (method, path, body, seq) =>
		parseJson((await call(method, path, { body: body === undefined ? undefined : JSON.stringify(body), seq })).text);
	const appPath = (name) => `/api/v1/apps/${segment(name)}`;
	const drainPath = (release, address) => `releases/${segment(release)}/endpoints/${segment(address)}/drain`;
	const command = (method, verb) => (name, body, seq) => send(method, `${appPath(name)}/${verb}?${WAIT}`, body, seq);

	return {
		/** `{who, session}`; both are null where this browser is not signed in. */
		getSession: () => get('/api/v1/session'),
		/** Has the browser keep a session for the token. */
		signIn: async (token) => parseJson((await call('POST', '/api/v1/session', { body: '{}', token })).text),
		signOut: () => send('DELETE', '/api/v1/session', {}),
		listSessions: () => get('/api/v1/sessions'),
		endSession: (id) => send('DELETE', `/api/v1/sessions/${segment(id)}`, {}),
		getWhoami: () => get('/api/v1/whoami'),
		getRouter: () => get('/api/v1/router'),
		getFleet: () => get('/api/v1/fleet'),
		removeMember: (node) => send('DELETE', `/api/v1/fleet/${segment(node)}`),
		rotateKeys: () => send('POST', '/api/v1/fleet/rotate-keys?timeout=5s', {}),
		listApps: () => get('/api/v1/apps'),
		getApp: (name) => get(appPath(name)),
		listTokens: () => get('/api/v1/tokens'),
		makeToken: (body) => send('POST', '/api/v1/tokens', body),
		revokeToken: (name) => send('DELETE', `/api/v1/tokens/${segment(name)}`, {}),
		listCertificates: () => get('/api/v1/certificates'),
		getAudit: ({ limit = 50, before } = {}) => get(`/api/v1/audit?limit=${limit}${before ? `&before=${before}` : ''}`),
		listHooks: () => get('/api/v1/hooks'),
		writeHook: (name, body, revision) => send('PUT', `/api/v1/hooks/${segment(name)}`, body, revision),
		testHook: (name) => send('POST', `/api/v1/hooks/${segment(name)}/test`, {}),
		removeHook: (name) => send('DELETE', `/api/v1/hooks/${segment(name)}`),
		listHooksIn: () => get('/api/v1/hooks-in'),
		writeHookIn: (name, body, revision) => send('PUT', `/api/v1/hooks-in/${segment(name)}`, body, revision),
		testHookIn: (name, body) => send('POST', `/api/v1/hooks-in/${segment(name)}/test`, body),
		removeHookIn: (name) => send('DELETE', `/api/v1/hooks-in/${segment(name)}`),
		getFreezeWindows: () => get('/api/v1/freeze-windows'),
		setFreezeWindows: (body, version) => send('PUT', '/api/v1/freeze-windows', body, version),
		getDescription: () => get('/api/openapi.json'),
		acceptStore: () => send('POST', '/api/v1/store/accept', {}),
		restoreStore: (body) => send('POST', '/api/v1/store/restore', body),
		listReleases: (name) => get(`${appPath(name)}/releases`),
		/** What the candidate answers differently. */
		getShadow: (name) => get(`${appPath(name)}/shadow`),
		/** The plan that runs, and those that can be started. */
		getPlans: (name) => get(`${appPath(name)}/plan`),
		listApprovals: (name) => get(`${appPath(name)}/approvals`),
		getHistory: (name, { limit = 50, before } = {}) => get(`${appPath(name)}/history?limit=${limit}${before ? `&before=${before}` : ''}`),
		/** What the releases did over so many seconds. */
		getPast: (name, seconds) => get(`${appPath(name)}/past?seconds=${seconds}`),
		explain: (name, body) => send('POST', `${appPath(name)}/explain`, body),
		/** Waits up to half a minute until every router serves the app's newest change; `{met, applied}` says how far it is. */
		waitApplied: (name) => get(`${appPath(name)}/wait?for=applied&timeout=10s`),
		dryRun: (name, body) => send('POST', `${appPath(name)}/who-moves`, body),
		streamPath: (name) => BASE + (name ? `${appPath(name)}/stream` : '/api/v1/stream'),

		/** The endpoints that are registered for a release; `count` says how often they were changed. */
		getEndpoints: (name, release) => get(`${appPath(name)}/releases/${segment(release)}/endpoints`),
		replaceEndpoints: (name, release, body, count) =>
			send('PUT', `${appPath(name)}/releases/${segment(release)}/endpoints?${WAIT}`, body, count),
		removeRelease: (name, release) => send('DELETE', `${appPath(name)}/releases/${segment(release)}`, {}),
		testEndpoints: (name, release, body) => send('POST', `${appPath(name)}/releases/${segment(release)}/test`, body),
		setCandidate: command('PUT', 'candidate'),
		setStable: command('PUT', 'stable'),
		clearStable: command('DELETE', 'stable'),
		makeDefault: command('PUT', 'default'),
		/** Makes an app that claims these hosts, without a release. */
		addApp: (name, hosts) => send('PUT', `${appPath(name)}?${WAIT}`, hosts.length ? { hosts } : {}),
		removeApp: (name) => send('DELETE', `${appPath(name)}?force=true`),
		abort: command('POST', 'abort'),
		setBlend: command('PUT', 'blend'),
		setSticky: command('PUT', 'sticky'),
		promote: command('POST', 'promote'),
		rollback: command('POST', 'rollback'),
		approve: command('POST', 'approvals'),
		withdrawApproval: command('DELETE', 'approvals'),
		pause: command('POST', 'pause'),
		stopApp: command('POST', 'stop'),
		resume: command('POST', 'resume'),
		startPlan: command('POST', 'plan'),
		stopPlan: command('DELETE', 'plan'),
		/** `verb` is `pause`, `resume`, `skip` or `approve`. */
		changePlan: (name, verb, body, seq) => command('POST', `plan/${verb}`)(name, body, seq),
		lock: command('PUT', 'lock'),
		unlock: command('DELETE', 'lock'),
		finishDrain: (name, tenure, body, seq) => command('DELETE', `draining/${tenure}`)(name, body, seq),
		finishDrains: command('DELETE', 'draining'),
		drainEndpoint: (name, release, address, body, seq) => command('PUT', drainPath(release, address))(name, body, seq),
		liftDrain: (name, release, address, body, seq) => command('DELETE', drainPath(release, address))(name, body, seq),

		listDeployments: (name) => get(`${appPath(name)}/deployments`),
		deploy: (name, body) => send('POST', `${appPath(name)}/deployments`, body),
		/** `verb` is `recycle`, `stop` or `start`. */
		changeDeployment: (name, id, verb, body = {}) => send('POST', `${appPath(name)}/deployments/${segment(id)}/${verb}`, body),
		getLogs: async (name, id, lines) => (await call('GET', `${appPath(name)}/deployments/${segment(id)}/logs?tail=${lines}`)).text,

		listPreviews: (name) => get(`${appPath(name)}/previews`),
		createPreview: (name, body) => send('POST', `${appPath(name)}/previews`, body),
		revokePreview: (name, id) => send('DELETE', `${appPath(name)}/previews/${segment(id)}`),

		/** The settings, and the seq at which they were read. */
		getSettings: async (name) => {
			const { text, etag } = await call('GET', `${appPath(name)}/settings`);
			return { settings: parseJson(text) ?? {}, seq: Number(etag.replaceAll('"', '')) };
		},
		patchSettings: (name, body, seq) => send('PATCH', `${appPath(name)}/settings`, body, seq),

		listKeys: async (prefix) => parseJson((await call('GET', `/api/kv/${keyPath(prefix)}?recurse=true`)).text) ?? [],
		putKey: (key, value) => call('PUT', `/api/kv/${keyPath(key)}`, { body: value, type: 'text/plain; charset=utf-8' }),
		deleteKey: (key) => call('DELETE', `/api/kv/${keyPath(key)}`),
	};
}

function parseJson(text) {
	if (!text) return null;
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/** The text of a keyvalues entry, whose value travels as base64. */
export function entryText(entry) {
	const bytes = Uint8Array.from(atob(entry.Value ?? ''), (char) => char.charCodeAt(0));
	return new TextDecoder().decode(bytes);
}
