// The dialog with what the containers of a deployment wrote last.

import { h, setText } from '../dom.js';
import { button, errorLine } from './controls.js';
import { openDialog } from './dialog.js';

const LINES = 200;

export function openLogsDialog({ api, app, deployment }) {
	const error = errorLine('logs-error');
	const text = h('pre.mono.logs', { tabindex: '0', role: 'region', 'aria-label': `What ${deployment.id} wrote`, testid: 'logs' });
	const close = button('Close', { testid: 'logs-close' });
	const load = async () => {
		try {
			setText(text, (await api.getLogs(app, deployment.id, LINES)) || 'Nothing was written.');
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
	};
	const dialog = openDialog({
		title: `Logs of ${deployment.id}`,
		wide: true,
		testid: 'logs-dialog',
		content: h(
			'div.dialog-body',
			{},
			h('p.quiet', {}, `The last ${LINES} lines of each container.`),
			error,
			text,
			h('div.dialog-buttons', {}, button('Reload', { testid: 'logs-reload', run: load }), close),
		),
	});
	close.addEventListener('click', () => dialog.close());
	load();
}
