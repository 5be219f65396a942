import assert from 'node:assert/strict';
import test from 'node:test';
import { beginEffect, testLines } from '../web/start-words.js';

test('what endpoints answer is a line each, and what follows', () => {
	const [good, bad] = [
		{ address: '10.0.0.7:80', passed: true, detail: null },
		{ address: '10.0.0.8:80', passed: false, detail: 'answered 500' },
	];
	assert.deepEqual(testLines({ endpoints: [good], passes: true, refusal: null }), ['✓ 10.0.0.7:80 passes']);
	assert.deepEqual(testLines({ endpoints: [bad], passes: false, refusal: 'long' }), [
		'✕ 10.0.0.8:80: answered 500',
		'It could not become stable like this.',
	]);
	assert.deepEqual(testLines({ endpoints: [], passes: false, refusal: '`2` has no endpoints' }), ['`2` has no endpoints']);
});

test('how a release begins is said', () => {
	assert.match(beginEffect('2', { blend: 0 }), /No client moves/);
	assert.match(beginEffect('2', { blend: 5 }), /^5\s% of new visitors go to 2/);
	assert.match(beginEffect('2', { plan: 'gradual' }), /^Plan gradual raises/);
});
