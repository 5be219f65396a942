import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeBlendChange, describeMoves, parseBlend, snapBlend } from '../web/blend.js';

test('reads what people type for a percentage', () => {
	for (const [typed, value] of [
		['10', 10],
		[' 12.5 ', 12.5],
		['12,25', 12.25],
		['0', 0],
		['100', 100],
		['100.00', 100],
		['7 %', 7],
		['7%', 7],
		['5.', 5],
		['1.2500', 1.25],
	]) {
		assert.deepEqual(parseBlend(typed), { value }, typed);
	}
});

test('refuses everything else, with a reason', () => {
	for (const typed of ['', ' ', '101', '100.01', '-1', '1e2', 'ten', '1.234', '0x10', '1.2.3', 'NaN']) {
		const read = parseBlend(typed);
		assert.equal(read.value, undefined, typed);
		assert.ok(read.error.length > 5, typed);
	}
});

test('a pointer sets whole percents', () => {
	assert.equal(snapBlend('12.4999'), 12);
	assert.equal(snapBlend('99.7'), 100);
	assert.equal(snapBlend('-3'), 0);
});

test('says who moves before it happens', () => {
	assert.match(describeBlendChange(10, 25), /^No pinned client moves\. Of every 100 new clients, 15 more go to the candidate\.$/);
	assert.match(describeBlendChange(25, 10.5), /Of every 100 new clients, 14\.5 fewer go to the candidate\.$/);
	assert.match(
		describeBlendChange(10, 25, 'navigate'),
		/^About 15 of every 100 clients, pinned clients too, go to the candidate at their next page\.$/,
	);
	assert.equal(describeBlendChange(10, 10), 'No change.');
});

test('the promise measured is read at a glance', () => {
	const words = (moves) => describeMoves(moves).replaceAll('\u00a0', ' ');
	assert.equal(words(undefined), '0 bounces; 0 moves');
	assert.equal(words({ bounces_without_pin: 2 }), '0 bounces, 2 without a pin; 0 moves');
	assert.equal(words({ total: 33, bounces: 1, reasons: { abort: 2, shielded: 31 } }), '1 bounce; 33 moves: 31 shielded, 2 abort');
});
