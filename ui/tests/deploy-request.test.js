import assert from 'node:assert/strict';
import test from 'node:test';
import { deployRequest, pairsOf } from '../web/deploy-request.js';

const EMPTY = {
	image: 'shop:1',
	release: '',
	replicas: '1',
	port: '80',
	blend: '0',
	facts: '',
	environment: '',
	command: '',
	healthPath: '',
	memory: '',
	cpus: '',
};
const sent = (form) => JSON.parse(JSON.stringify(deployRequest({ ...EMPTY, ...form })));

test('what is left empty is not sent', () => {
	assert.deepEqual(sent({}), { image: 'shop:1', replicas: 1, port: 80, blend: 0 });
	assert.deepEqual(sent({ replicas: '', port: '', blend: '' }), { image: 'shop:1' });
});

test('what is filled in is sent in the units of the API', () => {
	const filled = { facts: 'commit=3f2a9c1', environment: 'A=1\nB=x=y\n\n', command: 'serve\n--fast\n', healthPath: ' /health ', memory: '256', cpus: '0.5' };
	assert.deepEqual(sent(filled), {
		image: 'shop:1',
		replicas: 1,
		port: 80,
		blend: 0,
		facts: { commit: '3f2a9c1' },
		environment: { A: '1', B: 'x=y' },
		command: ['serve', '--fast'],
		health_path: '/health',
		memory: 268435456,
		cpus: 0.5,
	});
});

test('a line of the environment without a name is named', () => {
	for (const line of ['A', '=1']) assert.throws(() => pairsOf(`B=2\n${line}`, 'Environment'), new RegExp(`“${line}” is not NAME=value`));
});
