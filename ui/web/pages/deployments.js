// The deployments of an app: an image is deployed, its containers are looked at and made anew, and each step is seen as it is done.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { appLinks } from '../components/app-links.js';
import { button, errorLine, pageHead } from '../components/controls.js';
import { deployForm } from '../components/deploy-form.js';
import { deploymentRow } from '../components/deployment-row.js';
import { openLogsDialog } from '../components/logs-dialog.js';
import { openRecycleDialog } from '../components/recycle-dialog.js';
import { isUnderWay } from '../deployment-words.js';

export function deploymentsPage({ api, model, notices, params }) {
	const name = params.app;
	const error = errorLine('deployments-error');
	const reasonLine = h('p.why', { id: 'deployments-why' });
	const none = h(
		'p.quiet',
		{ testid: 'deployments-none' },
		'No deployments. Whoever starts the endpoints of this app registers them.',
	);
	const list = h('ul.rows', { testid: 'deployments' });
	const form = deployForm({ deploy });
	let deployments = null;
	let isLoading = false;

	/** Why the reader may change nothing, or null. */
	const disabledReason = () => model.readOnlyReason();

	async function load() {
		if (isLoading) return;
		isLoading = true;
		try {
			deployments = (await api.listDeployments(name)).deployments;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		isLoading = false;
		draw();
	}

	async function deploy(body) {
		const made = await api.deploy(name, body);
		notices.post({ text: `${made.id} is being deployed.`, tone: 'done' });
		await load();
	}

	async function change(deployment, verb, done) {
		try {
			await api.changeDeployment(name, deployment.id, verb);
			notices.post({ text: `${deployment.id} ${done}.`, tone: 'done' });
		} catch (refusal) {
			setText(error, refusal.message);
			return;
		}
		await load();
	}

	const acts = {
		disabledReason,
		recycle: (deployment) => openRecycleDialog({ api, model, notices, app: name, deployment, done: load }),
		logs: (deployment) => openLogsDialog({ api, app: name, deployment }),
		stop: (deployment) => change(deployment, 'stop', 'is to stop'),
		start: (deployment) => change(deployment, 'start', 'is to serve'),
	};

	function draw() {
		const reason = disabledReason();
		setText(reasonLine, reason ? `Deploy, recycle, stop, start: ${reason}.` : '');
		form.update(reason);
		setShown(none, deployments?.length === 0);
		const newest = [...(deployments ?? [])].sort((one, other) => other.created_at - one.created_at);
		keyed(
			list,
			newest,
			({ id }) => id,
			() => deploymentRow(acts),
		);
		setAttr(list, 'aria-busy', (deployments ?? []).some(isUnderWay) ? 'true' : null);
	}

	/** The stream does not tell of deployments: what is under way is asked for about every second. */
	function update() {
		if (deployments?.some(isUnderWay)) load();
		else draw();
	}

	load();
	return {
		element: h(
			'div',
			{},
			pageHead(
				`Deployments of ${name}`,
				button('Reload', { testid: 'deployments-reload', run: load }),
				appLinks(name, 'deployments'),
			),
			h(
				'p.lead',
				{},
				'A deployment runs an image at a Docker engine. Its containers become endpoints once all of them are healthy. ',
				'What fails has changed nothing.',
			),
			reasonLine,
			h(
				'section.panel',
				{ 'aria-labelledby': 'deployments-all' },
				h('h2.panel-title', { id: 'deployments-all' }, 'Deployments'),
				error,
				none,
				list,
			),
			form.element,
		),
		title: `Deployments of ${name}`,
		stream: name,
		update,
	};
}
