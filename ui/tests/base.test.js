import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BASE, readBase } from '../web/base.js';

test('the base is what stands before the files of the page', () => {
	assert.equal(readBase('http://router:8080/ui/0123456789abcdef/base.js'), '');
	assert.equal(readBase('https://example.com/release/ui/0123456789abcdef/base.js'), '/release');
	assert.equal(readBase('https://example.com/ui/release/ui/0123456789abcdef/base.js'), '/ui/release');
	assert.equal(BASE, '', 'outside a browser there is none');
});
