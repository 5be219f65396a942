// The form that deploys an image.

import { deployRequest } from '../deploy-request.js';
import { h, setAttr, setText } from '../dom.js';
import { errorLine, field, submitButton } from './controls.js';

const input = (name, props) => h('input.input', { id: `deploy-${name}`, testid: `deploy-${name}`, autocomplete: 'off', ...props });
const lines = (name) =>
	h('textarea.input.mono', { id: `deploy-${name}`, testid: `deploy-${name}`, rows: '3', spellcheck: 'false', autocomplete: 'off' });

/** `deploy(body)` sends it, and throws when it is refused. */
export function deployForm({ deploy }) {
	const image = input('image', { spellcheck: 'false', required: true });
	const release = input('release', { spellcheck: 'false' });
	const replicas = input('replicas', { type: 'number', min: '1', max: '100', value: '1' });
	const port = input('port', { type: 'number', min: '1', max: '65535', value: '80' });
	const blend = input('blend', { type: 'number', min: '0', max: '100', step: '0.01', value: '0' });
	const facts = lines('facts');
	const environment = lines('environment');
	const command = lines('command');
	const healthPath = input('health-path', { spellcheck: 'false' });
	const memory = input('memory', { type: 'number', min: '6' });
	const cpus = input('cpus', { type: 'number', min: '0', step: 'any' });
	const controls = { image, release, replicas, port, blend, facts, environment, command, healthPath, memory, cpus };
	const error = errorLine('deploy-error');
	const submitControl = submitButton('Deploy', 'deploy-submit', { 'aria-describedby': 'deployments-why' });
	const element = h(
		'form.panel.stack.below',
		{ 'aria-labelledby': 'deploy-title' },
		h('h2.panel-title', { id: 'deploy-title' }, 'Deploy an image'),
		field('Image', image, 'Such as registry.example/shop:1.4. The engine’s configuration says which are allowed.'),
		field('Release (optional)', release, 'Its name; left empty, the time.'),
		field('Containers', replicas),
		field('Port in the container', port),
		field('Percent of new clients', blend, 'That go to it once it is healthy and the candidate.'),
		h(
			'details',
			{ testid: 'deploy-more' },
			h('summary', {}, 'Facts, environment, command, health and limits'),
			h(
				'div.stack',
				{},
				field('Facts', facts, 'What is worth knowing of the release, NAME=value, a line each, such as commit=3f2a9c1.'),
				field('Environment', environment, 'NAME=value, a line each. No value is shown again.'),
				field('Command', command, 'An argument a line; left empty, the image’s own.'),
				field('Path of the health check', healthPath, 'Such as /health; left empty, as the settings of the app say.'),
				field('Memory of each container (MiB)', memory, 'Left empty, as much as there is.'),
				field('Processors of each container', cpus, 'Such as 0.5; left empty, all.'),
			),
		),
		error,
		h('div.action-buttons', {}, submitControl),
	);
	element.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (submitControl.getAttribute('aria-disabled')) return;
		try {
			await deploy(deployRequest(Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value]))));
			setText(error, '');
			release.value = '';
		} catch (refusal) {
			setText(error, refusal.message);
		}
	});
	return { element, update: (reason) => setAttr(submitControl, 'aria-disabled', reason ? 'true' : null) };
}
