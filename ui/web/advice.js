// What a command will do to clients, and what speaks against it, in sentences. Pure: state in, lists of text out.
// It repeats what the router alone decides and enforces (docs/design.md sections 4 and 7). `clients`: which clients go where, by rule;
// the router's own answer says the same in numbers and takes its place.

import { count, duration, millis, plural, rate, share } from './format.js';
import { health, releaseId, releaseName } from './release.js';

// Below this many requests an error share says little: one error in 200 is already half a percent.
const REQUESTS_ENOUGH = 200;
// Two in a hundred comparisons of equals are further apart than this: a difference to be taken seriously.
const DEVIATIONS = 2.3;
// A slower p95 is worth a word when it is half as much again and a person could feel it.
const SLOWER_FACTOR = 1.5;
const SLOWER_MS = 10;

const setting = (state, name, fallback) => state.settings?.[name] ?? fallback;
const clients = (release) => {
	const pinned = release?.activity?.pinned;
	return `${typeof pinned === 'number' ? plural(pinned, 'client') : 'Clients'} pinned to ${releaseName(release)}`;
};

export function promoteAdvice(state) {
	const to = releaseName(state.candidate);
	const drain = duration(setting(state, 'drainseconds', 300));
	const most = duration(setting(state, 'drainmaxseconds', 3600));
	const moves = [`${clients(state.candidate)} stay there.`];
	if (state.stable)
		moves.push(`${clients(state.stable)} keep it while it drains: until their first new page after ${drain}, at most ${most}.`);
	const happens = [`${to} becomes stable; the blend returns to 0 % and the candidate's place is empty.`];
	return {
		happens,
		clients: moves,
		against: [...againstRelease(state.candidate), ...comparison(state), ...barelySeen(state), ...againstAll(state)],
	};
}

export function abortAdvice(state) {
	const [stable, candidate] = [releaseName(state.stable), releaseName(state.candidate)];
	return {
		happens: [
			`${candidate} is dropped; the blend returns to 0 %. Open sockets to it end within ${duration(setting(state, 'abortseconds', 10))}.`,
		],
		clients: [`${clients(state.candidate)} go to ${stable} at once. Clients on ${stable} stay.`],
		against: [...againstRelease(state.stable), ...againstAll(state, { lock: false })],
	};
}

export function finishDrainAdvice(state, release) {
	const { open_requests: requests = 0, open_sockets: sockets = 0 } = release.activity ?? {};
	return {
		happens: [`${clients(release)} go to ${releaseName(state.stable)} at once. Its endpoints can then be stopped.`],
		against:
			requests + sockets
				? [
						`${plural(requests, 'open request')} and ${plural(sockets, 'open socket')} end within ${duration(setting(state, 'abortseconds', 10))}.`,
					]
				: [],
	};
}

/** The same for every draining release at once. */
export function finishDrainsAdvice(state) {
	const each = (state.draining ?? []).map((release) => finishDrainAdvice(state, release));
	return { happens: [...new Set(each.flatMap(({ happens }) => happens))], against: [...new Set(each.flatMap(({ against }) => against))] };
}

export function drainEndpointAdvice(state, release, endpoint) {
	const { in_flight: open = 0, open_sockets: sockets = 0 } = endpoint;
	const name = releaseName(release);
	const others = release.endpoints.filter((other) => other !== endpoint && !other.draining && other.healthy !== false);
	return {
		happens: [
			`${endpoint.address} gets no new request. Its clients go on at ${plural(others.length, 'other endpoint')} of ${name}; none changes its release.`,
			`What is open there, ${plural(Math.max(open - sockets, 0), 'request')} and ${plural(sockets, 'socket')} at this router, goes on until it ends or its time is over. This page says when the endpoint can be stopped.`,
		],
		against: others.length === 0 ? [`No other endpoint of ${name} is serving.`] : [],
	};
}

/** `target`: a release object or id. */
export function rollbackAdvice(state, target) {
	const [from, to] = [releaseName(state.stable), releaseName(target)];
	const id = releaseId(target);
	const known = [state.previous, state.candidate, ...(state.draining ?? [])].find((release) => release && releaseId(release) === id);
	const moves = [`All clients of ${from} go to ${to} at once, pinned ones too. Clients on ${to} stay.`];
	const happens = [`${to} becomes stable; CI is locked out until an operator's next command.`];
	if (state.candidate && releaseId(state.candidate) !== id) {
		happens.push(`The candidate ${releaseName(state.candidate)} is dropped.`);
		moves.push(`Clients of ${releaseName(state.candidate)} go to ${to} too.`);
	}
	return { happens, clients: moves, against: [...(known?.endpoints ? againstRelease(known) : []), ...againstAll(state)] };
}

export function candidateAdvice(state, next, blend) {
	const [stable, candidate] = [releaseName(state.stable), releaseName(next)];
	const happens = [
		blend > 0
			? `Of new clients ${blend} of 100 go to ${candidate}, the others to ${stable}. No pinned client of ${stable} moves.`
			: `No client moves: ${candidate} gets its first client when you raise the blend.`,
	];
	const replaced = state.candidate && releaseId(state.candidate) !== releaseId(next);
	if (replaced) happens.push(`The candidate ${releaseName(state.candidate)} is dropped; its clients go to ${stable} at once.`);
	return { happens, against: [...againstRelease(next), ...againstAll(state)] };
}

export function stableAdvice(state, next) {
	const name = releaseName(next);
	if (!state.stable) return { happens: [`${name} serves all clients.`], against: againstRelease(next) };
	if (state.candidate && releaseId(state.candidate) === releaseId(next)) {
		const { happens, clients: moves, against } = promoteAdvice(state);
		return { happens: [...happens, `New clients all go to ${name}.`, ...moves], against };
	}
	const from = releaseName(state.stable);
	return {
		happens: [`New clients go to ${name} at once, without a blend.`, `Clients pinned to ${from} keep it while it drains.`],
		against: ['It skips the candidate: nobody has seen this release beside stable.', ...againstRelease(next), ...againstAll(state)],
	};
}

export function againstRelease(release) {
	if (!release) return [];
	const endpoints = release.endpoints;
	if (!Array.isArray(endpoints)) return endpoints === 0 ? [`${releaseName(release)} has no endpoint.`] : [];
	const { all, failing } = health(release);
	if (all === 0) return [`${releaseName(release)} has no endpoint.`];
	if (failing.length === all) return [`No endpoint of ${releaseName(release)} is serving (${failing.map(named).join(', ')}).`];
	return failing.length
		? [
				`${failing.length} of ${all} endpoints of ${releaseName(release)} ${failing.length === 1 ? 'is' : 'are'} not serving: ${failing.map(named).join(', ')}.`,
			]
		: [];
}

const named = (endpoint) => (endpoint.detail ? `${endpoint.address} ${endpoint.detail}` : endpoint.address);

/** The candidate beside stable since each came to its track, in one line: `{sign, tone, text}`, or null without a candidate. */
export function verdict({ stable, candidate }) {
	if (!candidate) return null;
	const [old, next] = [totals(stable), totals(candidate)];
	const shares = `${share(next.share)} errors against ${share(old.share)} on stable, of ${plural(next.requests, 'request')}`;
	const by = deviations(old, next);
	const against = [...againstRelease(candidate), ...(by > DEVIATIONS ? [`Worse: ${shares}.`] : []), ...slower(stable, candidate)];
	if (against.length) return { sign: '⚠', tone: 'is-bad', text: against.join(' ') };
	if (next.requests < REQUESTS_ENOUGH)
		return { sign: '…', tone: 'quiet', text: `Too little traffic to tell: ${plural(next.requests, 'request')} so far.` };
	return { sign: '✓', tone: 'ink-candidate', text: `${by < -DEVIATIONS ? 'Better than' : 'As good as'} stable: ${shares}.` };
}

function totals(release) {
	const { requests = 0, errors = 0 } = release?.activity ?? {};
	return { requests, errors, share: requests ? errors / requests : 0 };
}

// By how many standard deviations the newer's share of errors is above the older's (two-proportion z-test, pooled).
function deviations(old, next) {
	const pooled = (old.errors + next.errors) / (old.requests + next.requests);
	const width = Math.sqrt(pooled * (1 - pooled) * (1 / old.requests + 1 / next.requests));
	return width > 0 ? (next.share - old.share) / width : 0;
}

function comparison({ stable, candidate }) {
	const [old, next] = [stable?.activity, candidate?.activity];
	if (!next) return [];
	const lines = [];
	const few = (next.requests ?? 0) < REQUESTS_ENOUGH;
	if (next.error_share > 0 && next.error_share > (old?.error_share ?? 0)) {
		lines.push(
			`Errors: ${share(next.error_share)} against ${share(old?.error_share ?? 0)} on stable${few ? ` (${plural(next.requests ?? 0, 'request')}: too little traffic to tell)` : ''}.`,
		);
	} else if (few) {
		lines.push(`Too little traffic to tell: it has answered ${plural(next.requests ?? 0, 'request')} (${rate(next.requests_per_second)}).`);
	}
	return [...lines, ...slower(stable, candidate)];
}

function slower(stable, candidate) {
	const [old, next] = [stable?.activity, candidate.activity];
	const isSlower = next?.p95_ms > (old?.p95_ms ?? Infinity) * SLOWER_FACTOR && next.p95_ms - old.p95_ms > SLOWER_MS;
	return isSlower ? [`Slower: p95 ${millis(next.p95_ms)} against ${millis(old.p95_ms)} on stable.`] : [];
}

function barelySeen(state) {
	if (state.blend === 0) return ['The blend is 0 %: no new client has been sent to it.'];
	return [];
}

function againstAll(state, { lock = true } = {}) {
	const lines = [];
	if (lock && state.lock) lines.push(`A lock stands: “${state.lock.reason}” (${state.lock.by}).`);
	if (state.problems?.length)
		lines.push(
			`${count(state.problems.length)} of the app's key-values ${state.problems.length === 1 ? 'is' : 'are'} invalid; see Problems.`,
		);
	return lines;
}
