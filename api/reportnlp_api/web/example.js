// A report made up for this page.

export const EXAMPLE = `EXAM: CT PULMONARY ANGIOGRAM

INDICATION: 61-year-old with sudden dyspnea after knee replacement. Evaluate for pulmonary embolism.

COMPARISON: None.

FINDINGS: There is a filling defect in the right lower lobe segmental pulmonary artery, with extension into two subsegmental branches. The left pulmonary arteries opacify normally. No evidence of right heart strain. Mild dependent atelectasis in both lower lobes. Small right pleural effusion. No pneumothorax.

IMPRESSION:
1. Acute segmental pulmonary embolism in the right lower lobe.
2. Small right pleural effusion.`;
