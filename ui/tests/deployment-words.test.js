import assert from 'node:assert/strict';
import { test } from 'node:test';

import { canBeRecycled, isUnderWay, recycleLines, stateWords, whoMoves } from '../web/deployment-words.js';

const serving = {
	id: 'shop-1',
	state: 'serving',
	desired: 'serving',
	replicas: 2,
	ports: ['80'],
	engine: 'node1',
	containers: [{ name: 'a', address: '10.0.0.5:80' }, { name: 'b' }],
	recycle: null,
	progress: null,
};

test('a deployment is under way until it serves, is stopped, or is cleaned up', () => {
	assert.equal(isUnderWay(serving), false);
	assert.equal(isUnderWay({ ...serving, state: 'pulling' }), true);
	assert.equal(isUnderWay({ ...serving, state: 'failed' }), true);
	assert.equal(isUnderWay({ ...serving, state: 'failed', containers: [] }), false);
	const recycle = { ended_at: null };
	assert.equal(isUnderWay({ ...serving, recycle }), true);
	assert.equal(canBeRecycled({ ...serving, recycle }), false);
	assert.equal(canBeRecycled({ ...serving, recycle: { ended_at: 9 } }), true);
	assert.equal(stateWords(serving), '✓ serves on node1 · 1 of 2\u00a0containers');
});

test('a recycle is told until it is over and good, and stays told when it failed', () => {
	const containers = [
		{ old: 'a', state: 'done' },
		{ old: 'b', state: 'draining' },
	];
	const recycle = { by: 'maria', state: 'under_way', ended_at: null, done: 1, of: 2, containers };
	assert.deepEqual(recycleLines({ recycle }), [
		'Recycle asked for by maria: 1 of 2\u00a0containers replaced.',
		'a: replaced',
		'b: its clients leave',
	]);
	assert.deepEqual(recycleLines({ recycle: { ...recycle, state: 'done', ended_at: 5 } }), []);
	assert.match(recycleLines({ recycle: { ...recycle, state: 'failed', ended_at: 5 } })[0], /and over/);
});

test('who moves is said before a recycle, and what a fixed port means', () => {
	const choice = { drain: 60, parallel: 1, inPlace: false };
	assert.match(whoMoves(serving, choice)[1], /for 1\u00a0min at most/);
	assert.match(whoMoves(serving, choice)[3], /10\.0\.0\.5:80 move/);
	const fixed = whoMoves({ ...serving, replicas: 1, ports: ['8080:80'] }, { ...choice, inPlace: true });
	assert.match(fixed[4], /nobody is served meanwhile/);
	assert.match(fixed[5], /approvals of the release end/);
});
