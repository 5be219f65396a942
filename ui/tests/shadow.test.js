import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, exampleOf } from '../web/pages/shadow.js';

test('a finding is told with how often it was seen, and an example', () => {
	const finding = { compared: 180, differed: 179, compared_twice: 45, differed_twice: 0, sessions_percent: 98.5 };
	assert.equal(countsOf(finding), '179 of 180\u00a0answers, 98.5 % of clients; stable itself 0 of 45');
	assert.equal(countsOf({ ...finding, compared: 1, differed: 1 }), '1 of 1\u00a0answer, 98.5 % of clients; stable itself 0 of 45');
	const example = { path: '/cart/7', stable: '12', candidate: '' };
	assert.equal(exampleOf({ ...finding, example }), '/cart/7: 12 at stable, nothing at the candidate');
	assert.equal(exampleOf({ ...finding, example: null }), '');
});
