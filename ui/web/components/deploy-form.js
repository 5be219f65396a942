// The form that deploys an image.

import { h, setAttr, setText } from '../dom.js';
import { errorLine, field, submitButton } from './controls.js';

const input = (name, props) => h('input.input', { id: `deploy-${name}`, testid: `deploy-${name}`, autocomplete: 'off', ...props });

/** `deploy(body)` sends it, and throws when it is refused. */
export function deployForm({ deploy }) {
	const image = input('image', { spellcheck: 'false', required: true });
	const release = input('release', { spellcheck: 'false' });
	const replicas = input('replicas', { type: 'number', min: '1', max: '100', value: '1' });
	const port = input('port', { type: 'number', min: '1', max: '65535', value: '80' });
	const blend = input('blend', { type: 'number', min: '0', max: '100', step: '0.01', value: '0' });
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
		error,
		h('div.action-buttons', {}, submitControl),
	);
	element.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (submitControl.getAttribute('aria-disabled')) return;
		try {
			await deploy({
				image: image.value.trim(),
				release: release.value.trim() || undefined,
				replicas: Number(replicas.value),
				port: Number(port.value),
				blend: Number(blend.value),
			});
			setText(error, '');
			release.value = '';
		} catch (refusal) {
			setText(error, refusal.message);
		}
	});
	return { element, update: (reason) => setAttr(submitControl, 'aria-disabled', reason ? 'true' : null) };
}
