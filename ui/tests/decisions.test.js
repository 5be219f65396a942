import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateOf } from '../web/app-state.js';
import { isLargeRise } from '../web/blend.js';
import { fatesOf, formerStables } from '../web/fates.js';
import { samplesOf } from '../web/past.js';
import { Series } from '../web/series.js';
import { staysOf } from '../web/stays.js';
import { listTroubles, refusalNow } from '../web/troubles.js';

const id = (name) => `apps/hello-${name}-80/containers`;
const event = (seq, command, changed) => ({ seq, command, changed, at: seq * 1000, actor: 'maria', reason: 'broken' });
const history = [
	event(4, 'rollback', { stable: [id('1.1'), id('1.0')] }),
	event(3, 'promote', { stable: [id('1.0'), id('1.1')], candidate: [id('1.1'), null] }),
	event(2, 'set-candidate', { candidate: [null, id('1.1')] }),
	event(1, 'set-stable', { stable: ['rolling/null', id('1.0')] }),
];

test('a release that was rolled back or aborted is known for it until it comes back', () => {
	assert.deepEqual([...fatesOf(history)], [[id('1.1'), { how: 'rolled back', at: 4000, by: 'maria', reason: 'broken' }]]);
	assert.equal(fatesOf([...history, event(5, 'set-candidate', { candidate: [null, id('1.1')] })]).size, 0);
	const aborted = [
		event(5, 'set-candidate', { candidate: [null, { release: id('1.2'), tenure: 3 }] }),
		event(6, 'abort', { candidate: [{ release: id('1.2') }, null] }),
	];
	assert.equal(fatesOf([...history, ...aborted]).get(id('1.2')).how, 'aborted');
	assert.deepEqual(formerStables(history, id('1.0')), [{ id: id('1.1'), at: 3000 }]);
});

test('only a rise by more than ten points, or to all, is asked about', () => {
	assert.deepEqual(
		[
			[0, 10],
			[0, 11],
			[95, 100],
			[100, 0],
			[50, 25],
			[100, 100],
		].map(([from, to]) => isLargeRise(from, to)),
		[false, true, true, false, false, false],
	);
});

test('what is wrong with the store or a router speaks against everything, and what would be refused says so', () => {
	const facts = {
		connection: { state: 'live' },
		router: { store: { state: 'current' } },
		fleet: { members: [{ own: true, heard: true }] },
		who: null,
	};
	assert.deepEqual([listTroubles(facts, 0), refusalNow(facts)], [[], null]);
	const silent = { name: 'r2', heard: false, silent_seconds: 12 };
	const bad = {
		...facts,
		router: { store: { state: 'diverged' } },
		fleet: { members: [silent, { name: 'r3', heard: true, behind: true }] },
	};
	const said = listTroubles(bad, 0).join('\n').replaceAll('\u00a0', ' ');
	assert.match(said, /^The history in the store is not the one that is served here/);
	assert.match(said, /r2 \(not heard from for 12 s\), r3 \(behind\) may still serve what was before/);
	assert.match(refusalNow(bad), /another history/);
	assert.match(listTroubles({ ...facts, connection: { state: 'late' } }, 0)[0], /said nothing/);
	assert.deepEqual(listTroubles({ ...facts, fleet: { members: [{ ...silent, gone: true }] } }, 0), [], 'nobody waits for one that is gone');
});

test('the past of the router comes before what the page saw itself', () => {
	const past = {
		from: 60_000,
		until: 240_000,
		step_seconds: 60,
		known_since: 120_000,
		releases: [{ id: id('1.0'), steps: [{ at: 120_000, requests: 120, statuses: [0, 90, 0, 0, 30], p95_ms: 40 }] }],
	};
	const samples = samplesOf(past, { stable: { id: id('1.0') }, candidate: null });
	assert.deepEqual(
		samples.map(({ at, stable, candidate }) => [at, stable.requests_per_second, stable.error_share, candidate]),
		[
			[120_000, 2, 0.25, null],
			[180_000, 0, undefined, null],
		],
	);
	const series = new Series(10);
	series.push(150_000, { requests_per_second: 5 }, null);
	series.prepend(samples);
	assert.deepEqual([series.length, series.value(0, 'stable', 'rate'), series.value(1, 'stable', 'rate')], [2, 2, 5]);
});

test('the overview names what is most severe', () => {
	const release = { endpoints: [{ healthy: true }] };
	const word = (state) => stateOf({ seq: 1, leading_hosts: ['*'], stable: release, ...state }).word.replace('\u00a0', ' ');
	assert.equal(word({}), 'steady');
	assert.equal(word({ lock: {}, candidate: { ...release, id: id('1.1') }, blend: 25 }), 'rolling 25 %');
	assert.equal(word({ candidate: release, verdict: { verdict: 'worse', sentence: 'Worse.' } }), 'worse');
	assert.equal(word({ stable: { endpoints: [{ healthy: false }] } }), 'unreachable');
	assert.equal(word({ leading_hosts: [] }), 'no host');
	assert.equal(word({ draining: [release] }), 'draining');
});

test('the history is read as stays of releases', () => {
	const words = staysOf(history).map(({ id: release, moments, end }) => [release, moments.map(({ word }) => word), end?.word ?? null]);
	assert.deepEqual(words, [
		[id('1.0'), ['stable'], null],
		[id('1.1'), ['candidate', 'stable', 'rolled back'], 'rolled back'],
		[id('1.0'), ['stable', 'replaced'], 'replaced'],
	]);
});
