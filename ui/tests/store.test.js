import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Series, WINDOW_MS } from '../web/series.js';
import { createStore } from '../web/store.js';

const release = (name, address) => ({
	id: `apps/hello-${name}-80/containers`,
	release: name,
	endpoints: [{ address, healthy: true, in_flight: 0 }],
	activity: { requests_per_second: 1, error_share: 0, p95_ms: 5 },
});
const state = (seq, more = {}) => ({
	app: 'hello',
	seq,
	stable: release('1.0.0', '127.0.0.1:9001'),
	candidate: null,
	draining: [],
	blend: 0,
	updated: { command: 'blend', actor: 'maria', at: seq * 1000 },
	...more,
});

function storeAt(time = { now: 1000 }) {
	return { time, store: createStore(() => time.now) };
}

test('an older state never replaces a newer one', () => {
	const { store } = storeAt();
	store.take(state(7));
	assert.equal(store.take(state(6)), false);
	assert.equal(store.app('hello').seq, 7);
});

test('after a reconnect the router decides, even when its seq is lower', () => {
	const { store } = storeAt();
	store.setConnection({ state: 'live' });
	store.take(state(7), { fromStream: true });
	store.setConnection({ state: 'lost' });
	store.setConnection({ state: 'live' });
	store.take(state(2), { fromStream: true });
	assert.equal(store.app('hello').seq, 2);
	assert.equal(store.take(state(1), { fromStream: true }), false);
});

test('activity is laid over the known state, by release id and by address', () => {
	const { store } = storeAt();
	store.take(state(7));
	store.takeActivity({
		app: 'hello',
		releases: { 'apps/hello-1.0.0-80/containers': { requests_per_second: 42 } },
		endpoints: { '127.0.0.1:9001': { healthy: false, in_flight: 3 } },
		shares: { configured: 0, drawn: 1 },
	});
	const { stable, shares } = store.app('hello');
	assert.equal(stable.activity.requests_per_second, 42);
	assert.deepEqual(stable.endpoints[0], { address: '127.0.0.1:9001', healthy: false, in_flight: 3 });
	assert.equal(shares.drawn, 1);
	store.takeActivity({ app: 'unknown', releases: {} });
	assert.equal(store.app('unknown'), null);
});

test('a list replaces what is no longer in it', () => {
	const { store } = storeAt();
	store.take(state(7));
	store.takeList({ apps: [{ ...state(1), app: 'shop' }], default_app: 'shop' });
	assert.deepEqual(
		store.apps().map(({ app }) => app),
		['shop'],
	);
	assert.equal(store.facts.loaded, true);
});

test('every change is told once, and each seq is marked once', () => {
	const { store } = storeAt();
	let told = 0;
	const stop = store.subscribe(() => {
		told += 1;
	});
	store.take(state(7));
	store.take(state(8));
	store.mark('hello', { seq: 8, command: 'blend', at: 8000 });
	assert.equal(told, 2);
	assert.deepEqual(
		store.marks('hello').map(({ seq }) => seq),
		[8],
	);
	stop();
	store.take(state(9));
	assert.equal(told, 2);
});

test('a lost connection leaves a gap in the figures and makes the page stale', () => {
	const { store, time } = storeAt();
	store.setConnection({ state: 'live' });
	store.take(state(7), { fromStream: true });
	assert.equal(store.isStale(), false);
	time.now = 2000;
	store.setConnection({ state: 'lost', why: 'test' });
	assert.equal(store.isStale(), true);
	assert.equal(store.facts.connection.since, 2000);
	const series = store.series('hello');
	assert.equal(series.length, 2);
	assert.ok(Number.isNaN(series.value(1, 'stable', 'rate')));
});

test('a series is bounded and keeps the newest', () => {
	const series = new Series(10);
	for (let at = 0; at < 25; at += 1) series.push(at * 1000, { requests_per_second: at, error_share: 0, p95_ms: null }, null);
	assert.equal(series.length, 10);
	assert.equal(series.at(0), 15_000);
	assert.equal(series.value(9, 'stable', 'rate'), 24);
	assert.ok(Number.isNaN(series.value(9, 'stable', 'p95')));
	assert.ok(Number.isNaN(series.value(9, 'candidate', 'rate')));
	assert.equal(series.at(series.firstSince(20_000)), 19_000);
});

test('a burst of changes does not push the past out of a series', () => {
	const series = new Series();
	series.push(0, { requests_per_second: 1 }, null);
	for (let at = 1; at < 5000; at += 1) series.push(WINDOW_MS + at / 10, { requests_per_second: 2 }, null);
	assert.equal(series.at(0), 0);
	assert.ok(series.length < 5);
});
