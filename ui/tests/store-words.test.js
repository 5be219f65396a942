import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeAccepting, describeSide } from '../web/store-words.js';
import { typedLines, typedList } from '../web/typed-list.js';

const id = (name) => `apps/shop-${name}-80/containers`;
const side = (stable, candidate = null, blend = 0) => ({ seq: 12, stable: stable && id(stable), candidate: candidate && id(candidate), blend });
const accepting = (served, stored) => describeAccepting({ app: 'shop', served, stored }).replaceAll('\u00a0', ' ');

test('a side says what is on which track, and as of which change', () => {
	assert.equal(describeSide(null, 'shop'), 'not there');
	assert.equal(describeSide(side('1.0'), 'shop'), '1.0 on stable (change 12)');
	assert.equal(describeSide(side(null, '2.0', 5), 'shop').replaceAll('\u00a0', ' '), 'nothing on stable, 2.0 as candidate at 5 % (change 12)');
});

test('what accepting does is said of clients', () => {
	assert.equal(accepting(side('1.0'), null), 'the app is gone: its requests get 404');
	assert.equal(accepting(null, side('1.0')), 'the app is there again');
	assert.equal(accepting(side('2.0'), side('1.0')), 'new clients go to 1.0 instead of 2.0');
	assert.equal(accepting(side('1.0', '2.0'), side('1.0')), 'clients of 2.0 go to 1.0');
	assert.equal(accepting(side('1.0'), side('1.0', '2.0')), '2.0 is the candidate');
	assert.equal(accepting(side('1.0', '2.0', 5), side('1.0', '2.0', 50)), 'the blend goes from 5 % to 50 %');
	assert.equal(accepting(side('1.0'), side('1.0')), 'no client moves');
});

test('lists are typed in any way that people write them', () => {
	assert.deepEqual(typedList(' a, b\nc,,d '), ['a', 'b', 'c', 'd']);
	assert.deepEqual(typedLines(' a b\n\n c,d '), ['a b', 'c,d']);
});
