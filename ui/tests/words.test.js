import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { abortAdvice, candidateAdvice, drainEndpointAdvice, promoteAdvice, rollbackAdvice, stableAdvice, judge } from '../web/advice.js';
import { buildCurl, listCalls } from '../web/api-model.js';
import { commandTitle, describeChanges, describeLocalAbort, stableAfter, summarizeEvent } from '../web/describe.js';
import { describeHosts, isUnreachable } from '../web/hosts.js';
import { releaseName } from '../web/release.js';
import { appHref, hashWithFind, parseRoute } from '../web/page-address.js';

const plain = (lines) => lines.join('\n').replaceAll('\u00a0', ' ');
const endpoint = (address, healthy = true, detail = null) => ({ address, healthy, in_flight: 0, detail });
const state = {
	app: 'hello',
	seq: 7,
	blend: 10,
	sticky: true,
	stable: {
		id: 'apps/hello-1.0.0-80/containers',
		release: '1.0.0',
		endpoints: [endpoint('127.0.0.1:9001')],
		activity: { error_share: 0.0002, p95_ms: 38, requests: 90_000 },
	},
	candidate: {
		id: 'apps/hello-1.0.1-80/containers',
		release: '1.0.1',
		endpoints: [endpoint('127.0.0.1:9002'), endpoint('10.0.0.9:3000', false, 'refused')],
		activity: { error_share: 0.0031, p95_ms: 90, requests: 120, requests_per_second: 2, pinned: 131 },
	},
	previous: null,
	draining: [],
	lock: null,
	problems: [],
	settings: {},
};

test('promoting says who stays, who drains, and everything that speaks against it', () => {
	const { effects, moves, warnings } = promoteAdvice(state);
	assert.match(plain(effects), /1\.0\.1 becomes stable\. The blend returns to 0 %/);
	assert.match(plain(moves), /131 clients pinned to 1\.0\.1 stay/);
	assert.match(plain(moves), /Clients pinned to 1\.0\.0 keep it while it drains: until the first page they open after 5 min, at most 1 h/);
	assert.match(plain(warnings), /1 of 2 endpoints of 1\.0\.1 is not serving: 10\.0\.0\.9:3000 \(refused\)\.$/m);
	assert.match(plain(warnings), /^Undecided: nobody has looked at the candidate yet\.$/m);
	assert.doesNotMatch(plain(warnings), /blend is 0/);
});

test('nothing speaks against a candidate that does well', () => {
	const good = {
		...state.candidate,
		endpoints: [endpoint('127.0.0.1:9002')],
		activity: { error_share: 0.0001, p95_ms: 39, requests: 5000 },
	};
	const judged = { verdict: 'no-worse', sentence: 'The candidate is no worse than allowed.' };
	assert.deepEqual(promoteAdvice({ ...state, candidate: good, verdict: judged }).warnings, []);
	assert.match(
		plain(promoteAdvice({ ...state, candidate: good, verdict: judged, blend: 0 }).warnings),
		/no new client is sent to the candidate/,
	);
	const slower = { ...judged, slower: true, sentence: 'It is no worse. It is slower than stable.' };
	assert.deepEqual(promoteAdvice({ ...state, candidate: good, verdict: slower }).warnings, [slower.sentence]);
});

test('a lock speaks against everything but abort', () => {
	const locked = { ...state, lock: { reason: 'freeze', by: 'maria' } };
	assert.match(plain(promoteAdvice(locked).warnings), /The app is locked by maria: “freeze”\./);
	assert.doesNotMatch(plain(abortAdvice(locked).warnings), /freeze/);
});

test('aborting, rolling back and choosing name every release they touch', () => {
	assert.match(plain(abortAdvice(state).moves), /131 clients pinned to 1\.0\.1 go to 1\.0\.0 at once/);
	const back = rollbackAdvice(state, 'apps/hello-0.9.9-80/containers');
	assert.match(plain(back.moves), /All clients of 1\.0\.0 go to 0\.9\.9 at once, pinned clients too/);
	assert.match(plain(back.moves), /Clients of 1\.0\.1 go to 0\.9\.9 too/);
	assert.match(plain(back.effects), /candidate 1\.0\.1 is dropped/);
	const promoted = plain(stableAdvice(state, state.candidate).effects);
	assert.match(promoted, /All new clients go to 1\.0\.1\.\n131 clients pinned to 1\.0\.1 stay there/, 'nobody else says it there');
	assert.match(
		plain(candidateAdvice(state, { id: 'apps/hello-1.0.2-80/containers', release: '1.0.2', endpoints: 0 }).warnings),
		/1\.0\.2 has no endpoints/,
	);
	assert.match(
		plain(stableAdvice(state, { id: 'apps/hello-1.0.2-80/containers', release: '1.0.2', endpoints: 1 }).warnings),
		/skips the candidate/,
	);
});

test('one line says what the router says of the candidate, and what else speaks against it', () => {
	const sound = [endpoint('127.0.0.1:9002')];
	const line = (judged, { endpoints = sound } = {}) => {
		const { tone, text } = judge({ candidate: { ...state.candidate, endpoints }, verdict: judged });
		return plain([`${tone} ${text}`]);
	};
	assert.equal(judge({ stable: state.stable, candidate: null }), null);
	assert.equal(line(null), 'open Undecided: nobody has looked at the candidate yet.');
	const undecided = { verdict: 'inconclusive', sentence: 'Undecided. Missing: about 60 more failing sessions.' };
	assert.equal(line(undecided), `open ${undecided.sentence}`);
	assert.equal(line({ ...undecided, warning: true }), `warn ${undecided.sentence}`);
	assert.equal(line({ ...undecided, shared_dependency: true }), `warn ${undecided.sentence}`);
	assert.equal(line({ verdict: 'no-worse', slower: true, sentence: 'It is slower.' }), 'warn It is slower.');
	assert.equal(line({ verdict: 'worse', sentence: 'The candidate is worse.' }), 'bad The candidate is worse.');
	assert.equal(line({ verdict: 'no-worse', sentence: 'It is no worse.' }), 'good It is no worse.');
	const better = { verdict: 'better', sentence: 'It is better.' };
	assert.equal(line(better), 'good It is better.');
	assert.match(line(better, { endpoints: [endpoint('127.0.0.1:9002', false, 'refused')] }), /^warn No endpoint of 1\.0\.1 is serving/);
});

test('draining an endpoint says who takes its clients, or that nobody can', () => {
	const [first, second] = state.candidate.endpoints;
	assert.match(
		plain(drainEndpointAdvice(state, state.candidate, second).effects),
		/go on at 1 other endpoint of 1\.0\.1; no client changes its release/,
	);
	assert.deepEqual(drainEndpointAdvice(state, state.candidate, second).warnings, []);
	assert.match(plain(drainEndpointAdvice(state, state.candidate, first).warnings), /No other endpoint of 1\.0\.1 is serving/);
});

test('a drain in the history names its endpoint', () => {
	const drain = 'apps/hello-1.0.0-80/containers/10.0.0.9:3000';
	assert.deepEqual(summarizeEvent({ command: 'drain-endpoint', changed: { endpoint_drains: [[], [drain]] } }), {
		title: 'Drain endpoint',
		words: '10.0.0.9:3000 of 1.0.0',
	});
	assert.deepEqual(summarizeEvent({ command: 'undrain-endpoint', changed: { endpoint_drains: [[drain], []] } }), {
		title: 'Drain lifted',
		words: '10.0.0.9:3000 of 1.0.0',
	});
	assert.equal(describeChanges({ draining: [['apps/hello-1.0.0-80/containers'], []], endpoint_drains: [[drain], []] }), 'retired 1.0.0');
	const [one, two] = [6, 7].map((n) => `apps/hello-1.0.1-80/containers/10.0.0.${n}:3000`);
	assert.equal(describeChanges({ endpoints: [[one], [two]] }), 'added 10.0.0.7:3000 of 1.0.1, removed 10.0.0.6:3000 of 1.0.1');
	assert.equal(describeChanges({ sticky: [true, false], endpoints: [[], [one]] }), 'sticky off');
});

test('a release is called by its short name, whatever form it comes in', () => {
	assert.equal(releaseName('apps/hello-1.0.0-80/containers'), '1.0.0');
	assert.equal(releaseName('apps/docker-hello-world-20261119-1430-80/containers'), 'hello-world-20261119-1430');
	assert.equal(releaseName({ id: 'apps/hello-1.0.0-80/containers', release: '1.0.0' }), '1.0.0');
	assert.equal(releaseName({ release: 'apps/hello-1.0.0-80/containers', tenure: 3 }), '1.0.0');
	assert.equal(releaseName('rolling/null'), 'none');
	assert.equal(releaseName(null), 'none');
});

test('history reads as sentences', () => {
	assert.equal(commandTitle('set-candidate'), 'Candidate set');
	assert.equal(commandTitle('rollback'), 'Roll back');
	assert.equal(commandTitle('something-new'), 'Something new');
	const changed = {
		stable: ['apps/hello-1.0.0-80/containers', 'apps/hello-1.0.1-80/containers'],
		candidate: [{ id: 'apps/hello-1.0.1-80/containers' }, null],
		blend: [10, 0],
		previous: [null, 'x'],
	};
	assert.equal(describeChanges(changed).replaceAll('\u00a0', ' '), 'stable 1.0.0 → 1.0.1, candidate 1.0.1 → none, blend 10 % → 0 %');
	assert.deepEqual(summarizeEvent({ command: 'set-candidate', changed: { candidate: [null, 'apps/hello-1.0.1-80/containers'] } }), {
		title: 'Candidate set',
		words: 'none → 1.0.1',
	});
	assert.deepEqual(summarizeEvent({ command: 'unlock', changed: { lock: [{ reason: 'freeze' }, null] } }), { title: 'Unlock', words: '' });
	assert.equal(
		stableAfter({ record: { stable: { release: 'apps/hello-1.0.1-80/containers', tenure: 2 } } }),
		'apps/hello-1.0.1-80/containers',
	);
});

test('the description of the API becomes calls with their fields', () => {
	const calls = listCalls(JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')));
	const blend = calls.find(({ id }) => id === 'setBlend');
	assert.equal(`${blend.method} ${blend.path}`, 'PUT /api/v1/apps/{app}/blend');
	assert.deepEqual(
		blend.body.map(({ name }) => name),
		['percent', 'release', 'reason'],
	);
	assert.equal(blend.body[0].type, 'number, 0 to 100');
	assert.ok(blend.parameters.some(({ name, where }) => name === 'app' && where === 'path'));
	assert.match(
		buildCurl(blend, 'http://localhost:8080'),
		/^curl -X PUT .*If-Match.*"percent": .* http:\/\/localhost:8080\/api\/v1\/apps\/\{app\}\/blend$/,
	);
	const settings = calls.find(({ id }) => id === 'mergeSettings');
	assert.ok(settings.body.some(({ name }) => name === 'health.fall'));
	assert.ok(calls.length > 25 && calls.every(({ id, summary }) => id && summary));
});

test('every page has an address', () => {
	assert.deepEqual(parseRoute(''), { page: 'apps', params: {} });
	assert.deepEqual(parseRoute(appHref('a b')), { page: 'app', params: { app: 'a b' } });
	assert.deepEqual(parseRoute(appHref('hello', 'history')), { page: 'history', params: { app: 'hello' } });
	assert.deepEqual(parseRoute('#/keyvalues/apps/x'), { page: 'keyvalues', params: { prefix: 'apps/x' } });
	assert.deepEqual(parseRoute(appHref('hello', 'releases')), { page: 'releases', params: { app: 'hello' } });
	assert.deepEqual(parseRoute(hashWithFind(appHref('hello', 'history'), 'maria & co')), {
		page: 'history',
		params: { app: 'hello', find: 'maria & co' },
	});
	assert.equal(hashWithFind('#/?find=old', ''), '#/');
	assert.deepEqual(parseRoute('#/nowhere'), { page: 'unknown', params: {} });
});

test('the hosts of an app are said, and that none leads to it', () => {
	assert.equal(describeHosts({ seq: 1, default: true, leading_hosts: ['a.example', '*'] }), 'a.example, all other hosts');
	assert.equal(describeHosts({ seq: 1, default: false, leading_hosts: [] }), 'no host leads to it');
	assert.equal(isUnreachable({ seq: 0, leading_hosts: [] }), false);
});

test('the app tells where its name ends in an id', () => {
	const id = 'apps/hello-world-1.0.1-80/containers';
	assert.equal(releaseName(id, 'hello-world'), '1.0.1');
	assert.equal(releaseName(id, 'hello'), 'world-1.0.1');
	assert.equal(releaseName(id), 'world-1.0.1');
	assert.equal(describeChanges({ stable: [null, id] }, 'hello-world'), 'stable none → 1.0.1');
});

test('releases that share a short name are told apart by their ids', () => {
	const [old, next] = ['apps/hello-1.0-3000/containers', 'apps/hello-1.0-8080/containers'];
	assert.equal(describeChanges({ stable: [old, next] }, 'hello'), 'stable hello-1.0-3000 → hello-1.0-8080');
	assert.equal(describeChanges({ stable: [old, 'apps/hello-1.1-80/containers'] }, 'hello'), 'stable 1.0 → 1.1');
	const stays = [
		{ release: old, tenure: 1 },
		{ release: next, tenure: 2 },
	];
	assert.equal(describeChanges({ candidate: stays }, 'hello'), 'candidate hello-1.0-3000 → hello-1.0-8080');
});

test('an abort on one router alone says who ordered it, and that others may not know', () => {
	const words = describeLocalAbort({ release: '1.0.1', by: 'maria', reason: 'errors', seq: 7 });
	assert.match(words, /1\.0\.1 is dropped on this router alone, by maria: “errors”/);
	assert.match(words, /other routers may still serve 1\.0\.1.*still at change 7/);
	assert.match(describeLocalAbort({ release: '1.0.1', by: 'maria', reason: '', seq: 7 }), /by maria\. The store/);
});
